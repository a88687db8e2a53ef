"""`agentvoice doctor` on the projects' relays."""

from __future__ import annotations

import socket

import pytest

from agentvoice.cli import doctor_relays
from agentvoice.cli.doctor_relays import look_at_relays
from agentvoice.cli.frame import Invocation
from agentvoice.core.project import Project
from tests.cli.conftest import Cli

DEAD = "ws://127.0.0.1:1"
PUBKEY = "ab" * 32

pytestmark = pytest.mark.usefixtures("home", "logging_kept")


def projects(*relays: str) -> list[Project]:
    return [Project("garden", "Garden", PUBKEY, relays)]


def look(*relays: str) -> list[tuple[str, str, str]]:
    found = look_at_relays(Invocation(), projects(*relays))
    return [(each.mark, each.name, each.detail) for each in found]


def test_each_relay_of_each_project_has_a_line(cli: Cli, address: str):
    """Alive, dead or embedded; a dead one is a note, since deliveries wait for it, and leaves the exit code."""
    cli("agent", "add", "ada", "--engine", "openai")
    for slug, relay in (("one", address), ("two", f"{DEAD}?token=secret")):
        added = cli(
            "project", "add", slug, "--title", slug, "--new-key", "--relay", relay, "--policy", "public"
        )
        assert added.code == 0, added.err
    answer = cli("doctor", "--json")
    found = {each["name"]: each for each in answer.document["findings"]}
    one, two = found["relay of one"], found["relay of two"]
    assert one["ok"] and one["detail"].startswith(f"{address}: connects in ")
    assert (two["ok"], two["needed"]) == (False, False)
    assert f"{DEAD}: no connection" in two["detail"]
    assert "secret" not in answer.out
    missing = [each["name"] for each in found.values() if each["needed"] and not each["ok"]]
    assert missing == ["engine openai"]
    (line,) = (line for line in cli("doctor").out.splitlines() if "relay of two" in line)
    assert line.startswith("note")


def test_the_embedded_relay_is_not_asked():
    """It runs in the daemon only."""
    assert look("embedded") == [("ok", "relay of garden", "embedded: runs in the daemon, on this machine")]


def test_an_address_that_cannot_be_used_is_missing_and_not_asked():
    """No thread would ever arrive there."""
    ((mark, name, detail),) = look("http://relay.example")
    assert (mark, name) == ("MISSING", "relay of garden")
    assert "got 'http://relay.example', want ws://" in detail


def test_a_relay_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    """It takes the connection and is silent: the limit is told."""
    monkeypatch.setattr(doctor_relays, "LIMIT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        relay = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        ((mark, _, detail),) = look(relay)
    assert mark == "note"
    assert detail == f"{relay}: no answer within 0.1 s; deliveries wait for it"
