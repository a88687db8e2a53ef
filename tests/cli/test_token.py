"""`agentvoice token`."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.core.token import token_id
from tests.cli.conftest import Cli


@pytest.fixture
def ready(cli: Cli) -> Cli:
    """The command line with an empty database."""
    assert cli("db", "upgrade").code == 0
    return cli


def test_a_token_is_shown_once(ready: Cli, home: Path):
    """`new` prints it; no list and no file of the data folder has it."""
    made = ready("token", "new", "laptop", "--json").document
    assert made["id"] == token_id(made["token"])
    assert (made["name"], made["scope"], made["state"]) == ("laptop", "call", "valid")
    assert made["expires_at"][:10] > made["created_at"][:10]
    listed = [ready("token", "list"), ready("token", "list", "--json")]
    assert all("laptop" in answer.out and made["token"] not in answer.out for answer in listed)
    secret = made["token"][16:].encode()
    assert not [path for path in home.rglob("*") if path.is_file() and secret in path.read_bytes()]


def test_a_token_is_printed_for_people(ready: Cli):
    """The token on the first line, so that it can be taken from there; then what it is for."""
    answer = ready("token", "new", "phone", "--scope", "admin", "--days", "0")
    assert token_id(answer.out.splitlines()[0])
    assert "admin" in answer.out
    assert ready("token", "list", "--json").document["tokens"][0]["expires_at"] is None


def test_a_token_is_revoked(ready: Cli):
    """It stays on the list as revoked, until it is to be forgotten."""
    id = ready("token", "new", "laptop", "--json").document["id"]
    assert ready("token", "revoke", id, "--json").document == {"revoked": id, "forgotten": False}
    assert "revoked" in ready("token", "list").out
    assert "No token is left" in ready("token", "revoke", id, "--forget").out
    assert "No tokens" in ready("token", "list").out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("revoke", "000000000000"), 3),
        (("revoke", "000000000000", "--forget"), 3),
        (("new", " "), 2),
        (("new", "x", "--days", "-1"), 2),
        (("new", "x", "--scope", "all"), 2),
    ],
)
def test_wrong_input_is_named(ready: Cli, arguments: tuple[str, ...], code: int):
    """Each refusal is one clear line."""
    answer = ready("token", *arguments)
    assert (answer.code, bool(answer.complaint)) == (code, True)
