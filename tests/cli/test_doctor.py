"""`agentvoice doctor`: what there is, and what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.adapters.signer import KeySigner
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


def test_the_doctor_looks_at_every_key(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch):
    """Keys of agents, projects and callers: each can sign here, or is told why not."""
    monkeypatch.setenv("PASS", "swordfish")
    monkeypatch.setenv("AGENTVOICE_KEYS__PASSPHRASE", "env:PASS")
    cli("db", "upgrade")
    inside = cli("key", "new", "--store", "database", "--json").document["npub"]
    variable = KeySigner.generate()
    monkeypatch.setenv("ME_NSEC", variable.reveal())
    cli("agent", "add", "ada", "--key", inside)
    own = cli("project", "add", "garden", "--new-key", "--caller-key", "env:ME_NSEC", "--json").document[
        "npub"
    ]
    elsewhere = KeySigner.generate().npub
    assert cli("project", "add", "field", "--pubkey", elsewhere).code == 0
    found = findings(cli)
    assert found["agent ada"] == (True, f"signs as {inside}")
    assert found["project garden"] == (True, f"signs as {own}")
    assert found["caller of garden"] == (True, f"signs as {variable.npub}")
    assert found["project field"][0] and "the first agent signs the root" in found["project field"][1]
    for name in ("PASS", "ME_NSEC"):
        monkeypatch.delenv(name)
    (home / "keys" / own).chmod(0o644)
    found = findings(cli)
    for name, words in (
        (
            "agent ada",
            f"cannot sign as {inside}: keys.passphrase env:PASS: the environment variable is not set",
        ),
        ("caller of garden", f"cannot sign as {variable.npub}: key env:ME_NSEC"),
        ("project garden", "chmod 600"),
    ):
        assert (found[name][0], words in found[name][1]) == (False, True), found[name]
    assert cli("doctor").code == 1
