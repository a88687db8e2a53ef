"""`agentvoice doctor`: what there is, and what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def findings(cli: Cli) -> dict[str, tuple[bool, str]]:
    return {
        each["name"]: (each["ok"], each["detail"]) for each in cli("doctor", "--json").document["findings"]
    }


def test_the_doctor_says_what_to_do_next(cli: Cli):
    """On a fresh machine the database is missing; then an agent; then it can sign."""
    assert cli("doctor").code == 1
    assert "agentvoice db upgrade" in findings(cli)["database"][1]
    cli("db", "upgrade")
    assert "agentvoice agent add" in findings(cli)["database"][1]
    npub = cli("agent", "add", "ada", "--json").document["npub"]
    assert findings(cli)["database"][0]
    assert findings(cli)["agent ada"] == (True, f"signs as {npub}")


def test_the_doctor_misses_keys_and_models(cli: Cli, home: Path):
    """A lost key file, a model that is not there and an API key that is not set are each named."""
    npub = cli("agent", "add", "ada", "--engine", "local", "--engine", "openai", "--json").document["npub"]
    (home / "keys" / npub).unlink()
    found = findings(cli)
    assert not found["agent ada"][0] and npub in found["agent ada"][1]
    assert not found["engine local"][0] and "agentvoice model install" in found["engine local"][1]
    assert not found["engine openai"][0] and "OPENAI_API_KEY" in found["engine openai"][1]
    assert "MISSING" in cli("doctor").out


def test_the_doctor_sees_a_key_that_is_set(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """The reference is shown, never the key."""
    secret = "sk-" + "b2" * 10
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    cli("agent", "add", "ada", "--engine", "openai")
    answer = cli("doctor", "--json")
    assert findings(cli)["engine openai"] == (True, "env:OPENAI_API_KEY")
    assert secret not in answer.out
