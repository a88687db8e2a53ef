"""Keys that commands are given, or that they make."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.adapters.signer import KeySigner
from tests.cli.conftest import Cli


def test_a_refused_agent_leaves_no_key_file(cli: Cli, home: Path):
    """The key made for an agent whose slug is taken is taken back."""
    cli("agent", "add", "ada")
    before = sorted((home / "keys").iterdir())
    assert cli("agent", "add", "ada").code == 2
    assert sorted((home / "keys").iterdir()) == before


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(cli: Cli):
    """Process lists are public: the message names the right way and does not echo the key."""
    nsec = KeySigner.generate().reveal()
    answer = cli("agent", "add", "ada", "--key", nsec)
    assert answer.code == 2
    assert "agentvoice key import" in answer.complaint
    assert nsec not in answer.err


def test_a_key_of_the_environment_stays_there(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """`--key env:NAME` stores the reference only, and the agent signs as that key."""
    signer = KeySigner.generate()
    monkeypatch.setenv("ADA_NSEC", signer.reveal())
    assert cli("agent", "add", "ada", "--key", "env:ADA_NSEC", "--json").document["npub"] == signer.npub
    assert cli("key", "show", signer.npub, "--json").document["reference"] == "env:ADA_NSEC"


def test_a_key_file_from_elsewhere_is_taken_over(cli: Cli, home: Path):
    """`--key file:PATH` copies the nsec to the key files."""
    signer = KeySigner.generate()
    (home.parent / "ada.nsec").write_text(signer.reveal())
    assert (
        cli("agent", "add", "ada", "--key", f"file:{home.parent}/ada.nsec", "--json").document["npub"]
        == signer.npub
    )
    assert cli("key", "show", signer.npub, "--json").document["reference"] == f"file:{signer.npub}"


def test_a_public_key_alone_cannot_sign(cli: Cli):
    """An npub without its secret here is refused: the agent's turns could never be signed."""
    cli("agent", "add", "ada")
    answer = cli("agent", "add", "bo", "--key", KeySigner.generate().npub)
    assert answer.code == 3
    assert "nothing here can sign as npub1" in answer.complaint
