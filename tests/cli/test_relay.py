"""`agentvoice relay`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli

DEAD = "ws://127.0.0.1:1"


def test_a_relay_is_checked(cli: Cli, address: str):
    """Without --write nothing is sent; the answer tells latencies and exit code 0."""
    answer = cli("relay", "check", address, "--json")
    assert answer.code == 0
    (checked,) = answer.document["relays"]
    assert (checked["relay"], checked["ok"], checked["reachable"]) == (address, True, True)
    assert checked["request_ms"] >= 0
    assert [each["name"] for each in checked["findings"]] == ["reachable", "document"]


def test_a_write_test(cli: Cli, address: str):
    """--write proves that the relay stores, with a key of the moment or one of ours."""
    assert cli("db", "upgrade").code == 0
    npub = cli("key", "new", "--json").document["npub"]
    for options in ((), ("--key", npub)):
        answer = cli("relay", "check", "--write", address, *options)
        assert answer.code == 0
        assert "the same event, its signature holds" in answer.out


def test_a_dead_relay_is_one_clear_line(cli: Cli, address: str):
    """The good one is still checked; exit code 1."""
    answer = cli("relay", "check", DEAD, address)
    assert answer.code == 1
    (line,) = (line for line in answer.out.splitlines() if line.startswith("FAILED"))
    assert f"{DEAD}: no connection" in line
    assert "check the address" in line


def test_without_address_all_relays_of_projects(cli: Cli, address: str):
    """Each once, and the embedded one at the place of the settings."""
    assert cli("db", "upgrade").code == 0
    for slug in ("one", "two"):
        added = cli(
            "project", "add", slug, "--title", slug, "--new-key", "--relay", address, "--policy", "public"
        )
        assert added.code == 0, added.err
    answer = cli("relay", "check", "--json")
    relays = [each["relay"] for each in answer.document["relays"]]
    assert relays[0] == address
    assert len(relays) == 2
    assert relays[1].startswith("ws://127.0.0.1:")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://relay.example"], "relays: got 'http://relay.example', want ws://"),
        (["wss://me:pass@relay.example"], "user or password"),
        ([DEAD, "--key", "npub1"], "--key: signs the test event, so give --write too"),
        ([DEAD, "--write", "--key", "npub1"], "--key: it is not bech32"),
    ],
)
def test_wrong_input(cli: Cli, arguments: list[str], words: str):
    """One line that names the field, exit code 2."""
    answer = cli("relay", "check", *arguments)
    assert answer.code == 2
    assert words in answer.complaint
