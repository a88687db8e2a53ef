"""Passphrases of encrypted keys: by reference or typed unseen."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import sys
from pathlib import Path

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.cli.frame import Invocation
from agentvoice.cli.passphrases import read_passphrase
from agentvoice.config import KeysSettings, Settings
from agentvoice.errors import ConfigError, KeyNotHere
from tests.fakes.agentvoice_process import Program

TYPING_TIMEOUT_S = 40.0


def invoked(passphrase: str = "") -> Invocation:
    return Invocation(_settings=Settings(home="/none", keys=KeysSettings(passphrase)))


def test_the_one_that_is_named_comes_first(monkeypatch: pytest.MonkeyPatch):
    """`--passphrase REF` wins over the setting, which wins over being asked."""
    monkeypatch.setenv("GIVEN", "given one")
    monkeypatch.setenv("SET", "set one")
    assert read_passphrase(invoked("env:SET"), "env:GIVEN", is_new=True).reveal() == "given one"
    assert read_passphrase(invoked("env:SET"), "", is_new=True).reveal() == "set one"


@pytest.mark.parametrize("passphrase", ["", "env:NOT_SET", "credential:none"])
def test_without_a_terminal_nobody_is_asked(passphrase: str, monkeypatch: pytest.MonkeyPatch):
    """The option is named, and why the setting does not help."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(KeyNotHere, match=r"--passphrase: got none, want env:NAME.*keys\.passphrase"):
        read_passphrase(invoked(passphrase), "", is_new=True)


def test_a_passphrase_is_no_argument():
    """What is no reference is refused, and not repeated."""
    with pytest.raises(ConfigError, match="--passphrase: got a value, want a reference") as caught:
        read_passphrase(invoked(), "swordfish", is_new=True)
    assert "swordfish" not in str(caught.value)


async def test_it_is_typed_unseen(tmp_path: Path):
    """At a terminal it is asked for, twice when it is new; nothing typed is shown again."""
    program = Program(tmp_path / "home")
    await program.must("db", "upgrade")
    signer = KeySigner.generate()
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agentvoice", "key", "import", "--store", "database"),
        env=program._environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    answers = [("nsec", signer.reveal()), ("passphrase", "swordfish 9"), ("Repeat", "swordfish 9")]
    typing = asyncio.ensure_future(asyncio.to_thread(_type, ours, answers))
    try:
        async with asyncio.timeout(TYPING_TIMEOUT_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:  # waiting for a prompt that is answered by nobody
            process.kill()
        shown = await typing
        os.close(ours)
    assert f"kept in ncryptsec:{signer.npub}" in shown
    assert "cannot sign here yet: keys.passphrase: is not set" in shown
    assert signer.reveal() not in shown
    assert "swordfish" not in shown
    able = Program(program.home, {"PASS": "swordfish 9", "AGENTVOICE_KEYS__PASSPHRASE": "env:PASS"})
    assert (await able.must("key", "show", signer.npub, "--json")).document["can_sign"]


def _type(terminal: int, answers: list[tuple[str, str]]) -> str:
    """Answer each prompt as it comes; return all that the terminal showed."""
    shown, seen = "", 0
    while True:
        try:
            data = os.read(terminal, 4_096)
        except OSError:  # Linux's end of a terminal whose other side is closed
            return shown
        shown += data.decode()
        if answers and answers[0][0] in shown[seen:] and shown.rstrip(" ").endswith(":"):
            seen = len(shown)
            os.write(terminal, answers.pop(0)[1].encode() + b"\n")
