"""Secrets stay where they were put: marked keys and passphrases are looked for wherever they could leak.

Each key is held once in each way, commands and a daemon are made to fail over it, and everything
that was printed, logged, stored, or visible to other processes is searched.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.protocols.nostr.nip19 import decode_secret
from tests.fakes.agentvoice_process import Finished, Program
from tests.fakes.aimock import aimock

FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "Hello"}, "response": {"content": "Hello to you."}},
]
HOLDERS = ("file", "variable", "credential", "database")
COMMAND_TIMEOUT_S = 60.0

WITH_LOCALS = """
import io, json, sys, traceback
def show():
    report = traceback.TracebackException(*sys.exc_info(), capture_locals=True)
    print("".join(report.format()), file=sys.stdout)
traceback.print_exc = show
from agentvoice.cli import run
for arguments, stdin in json.load(sys.stdin):
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()))
    sys.stderr = sys.stdout
    del stdin
    run([*arguments, "--debug"])
    print(chr(0))
"""
"""The program, its `--debug` traceback with the local variables of every frame, as error reporters make it."""


@dataclass
class Vault:
    """The secrets of a test, and the program that is given them."""

    program: Program
    keys: dict[str, KeySigner]
    passphrase: str
    shown: list[str] = field(default_factory=list)

    @property
    def marks(self) -> dict[str, str]:
        """Every form of every secret, by name, of which a middle part would give it away too."""
        marks = {"passphrase": self.passphrase}
        for name, key in self.keys.items():
            nsec = key.reveal()
            marks |= {f"{name} nsec": nsec[6:-6], f"{name} hex": decode_secret("x", nsec).hex()[:40]}
        return marks

    async def run(self, *arguments: str, stdin: str = "") -> Finished:
        """Run a command, keeping what it showed."""
        process = await self.program.spawn(*arguments)
        self.shown.append(await asyncio.to_thread(seen_of, process.pid))
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            out, err = await process.communicate(stdin.encode())
        self.shown.append((out + err).decode())
        return Finished(process.returncode or 0, out.decode(), err.decode())

    async def run_with_locals(self, commands: list[tuple[tuple[str, ...], str]]) -> list[str]:
        """Run commands, each with its standard input, whose tracebacks print local variables; return these."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WITH_LOCALS),
            env=self.program._environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            out, _ = await process.communicate(json.dumps(commands).encode())
        return out.decode().split("\0")[:-1]

    def leaks(self, text: str) -> list[str]:
        """The names of the secrets that a text holds."""
        folded = text.casefold()
        return [name for name, mark in self.marks.items() if mark.casefold() in folded]


async def furnish(folder: Path) -> Vault:
    """A home whose keys are held in every way, with users of them."""
    given = folder / "given"
    given.mkdir(mode=0o700)
    passphrase = f"pass phrase {secrets.token_hex(12)}"
    keys = {name: KeySigner.generate() for name in HOLDERS}
    vault = Vault(Program(folder / "home"), keys, passphrase)
    for name, text in (("passphrase", passphrase), ("bo_nsec", vault.keys["credential"].reveal())):
        (given / name).touch(mode=0o600)
        (given / name).write_text(text + "\n")
    vault.program.environment |= {
        "CREDENTIALS_DIRECTORY": str(given),
        "AGENTVOICE_KEYS__PASSPHRASE": "credential:passphrase",
        "ADA_NSEC": vault.keys["variable"].reveal(),
    }
    for arguments, stdin in (
        (("db", "upgrade"), ""),
        (("key", "import", "--label", "file"), vault.keys["file"].reveal()),
        (("key", "import", "--store", "database"), vault.keys["database"].reveal()),
        (("key", "import", "credential:bo_nsec"), ""),
        (("agent", "add", "ada", "--engine", "openai", "--key", "env:ADA_NSEC"), ""),
        (
            (
                "project",
                "add",
                "garden",
                "--pubkey",
                vault.keys["file"].npub,
                "--caller-key",
                vault.keys["database"].npub,
            ),
            "",
        ),
    ):
        assert (await vault.run(*arguments, stdin=stdin)).exit_code == 0
    return vault


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    """Made once by the commands a user would give."""
    return asyncio.run(furnish(tmp_path_factory.mktemp("vault")))


@pytest.fixture
def vault(furnished: Vault, tmp_path: Path) -> Vault:
    """A copy of that, to be changed."""
    top = furnished.program.home.parent
    shutil.copytree(top, tmp_path / "top")
    environment = {**furnished.program.environment, "CREDENTIALS_DIRECTORY": str(tmp_path / "top" / "given")}
    program = Program(tmp_path / "top" / "home", environment)
    return replace(furnished, program=program, shown=[*furnished.shown])


def files_of(home: Path) -> Iterator[Path]:
    """Every file of the data folder but the key files."""
    keys = home / "keys"
    return (path for path in home.rglob("*") if path.is_file() and keys not in path.parents)


def processes_below(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield int(child)
            yield from processes_below(int(child))


def seen_of(pid: int) -> str:
    """What others see of a process (its command line), and what its children were given."""
    seen = [Path(f"/proc/{pid}/cmdline").read_bytes()]
    for child in processes_below(pid):
        seen += [Path(f"/proc/{child}/{name}").read_bytes() for name in ("cmdline", "environ")]
    return b"".join(seen).decode("latin-1")


async def test_no_command_shows_a_secret(vault: Vault):
    """Answers, as text and JSON, hold no secret; nor does the list of processes while they run."""
    npubs = [each.npub for each in vault.keys.values()]
    for arguments in (
        ("key", "list"),
        ("key", "list", "--json"),
        *(("key", "show", npub, "--json", "--debug") for npub in npubs),
        ("agent", "export", "ada"),
        ("project", "show", "garden", "--json"),
        ("config", "check", "--json"),
        ("doctor", "--json"),
    ):
        finished = await vault.run(*arguments)
        assert finished.out, finished.err
        assert vault.leaks(finished.out + finished.err) == [], arguments
    assert any("\0agentvoice\0key\0" in shown for shown in vault.shown)  # the command lines were seen
    assert vault.leaks("".join(vault.shown)) == []
    revealed = await vault.run("key", "show", vault.keys["database"].npub, "--reveal")
    assert vault.leaks(revealed.out) == ["database nsec"]  # so that the search is known to find


async def test_no_traceback_shows_a_secret(vault: Vault):
    """Whatever a command fails over, its traceback holds no secret, the local variables of all frames shown."""
    mistyped = vault.keys["file"].reveal()[:-1] + ("q" if vault.keys["file"].reveal()[-1] != "q" else "p")
    hex_digits = decode_secret("x", vault.keys["file"].reveal()).hex()
    folder = Path(vault.program.environment["CREDENTIALS_DIRECTORY"])
    (vault.program.home / "keys" / vault.keys["file"].npub).write_text(mistyped)
    (folder / "bo_nsec").write_text(mistyped)
    vault.program.environment |= {
        "BO_NSEC": mistyped,
        "AGENTVOICE_KEYS__PASSPHRASE": "env:WRONG",
        "WRONG": "x",
    }
    failures = (
        (("key", "import"), mistyped, "nsec: the checksum is wrong"),
        (("key", "import", "--store", "database"), mistyped, "nsec: the checksum is wrong"),
        (("key", "import"), hex_digits[:-2], "nsec: got 62 hex digits"),
        (("key", "import"), hex_digits + "\n" + hex_digits, "nsec: "),
        (("key", "import", "env:BO_NSEC"), "", "BO_NSEC: the checksum is wrong"),
        (("key", "import", "credential:bo_nsec"), "", "credential bo_nsec: the checksum is wrong"),
        (("key", "import", "credential:none"), "", "systemd gave this process no such credential"),
        (("key", "import", "env:NONE"), "", "the environment variable is not set here"),
        (("key", "show", vault.keys["file"].npub, "--reveal"), "", "the checksum is wrong"),
        (("key", "show", vault.keys["database"].npub, "--reveal"), "", "does not open it"),
        (("key", "import"), vault.keys["file"].reveal(), "the checksum is wrong"),  # the file that is there
        (("key", "import", "--replace"), KeySigner.generate().reveal(), "no such key"),
        (
            ("key", "import", "--store", "database"),
            vault.keys["file"].reveal(),
            "known under another reference",
        ),
        (("agent", "add", "bo", "--key", "env:BO_NSEC"), "", "BO_NSEC: the checksum is wrong"),
    )
    reports = await vault.run_with_locals([(arguments, stdin) for arguments, stdin, _ in failures])
    assert len(reports) == len(failures)
    for (arguments, _, words), shown in zip(failures, reports, strict=True):
        assert words in shown, shown
        assert "Traceback" in shown
        assert " = " in shown  # local variables
        assert vault.leaks(shown) == [], (arguments, shown)


def test_the_data_folder_holds_no_secret_in_clear(vault: Vault):
    """Neither the database nor any file beside the key files does; the encrypted key is there."""
    stored = {path: path.read_bytes().decode("latin-1") for path in files_of(vault.program.home)}
    assert any(path.name == "agentvoice.db" for path in stored)
    for path, text in stored.items():
        assert vault.leaks(text) == [], path
        raw = text.encode("latin-1")
        for signer in vault.keys.values():
            assert decode_secret("x", signer.reveal()) not in raw, path
    with sqlite3.connect(vault.program.home / "agentvoice.db") as connection:
        rows = connection.execute("select ncryptsec from signing_key where ncryptsec != ''").fetchall()
    connection.close()
    assert [row[0][:10] for row in rows] == ["ncryptsec1"]
    assert vault.leaks("".join(vault.shown)) == []


async def test_a_daemon_that_cannot_sign_waits_and_shows_no_secret(vault: Vault, tmp_path: Path):
    """With a wrong passphrase the thread waits; with the right one it is published; no secret is seen."""
    program, key = vault.program, secrets.token_hex(16)
    right = program.environment["AGENTVOICE_KEYS__PASSPHRASE"]
    async with aimock(tmp_path, FIXTURES, key) as url:
        program.environment |= {
            "AGENTVOICE_ENGINES__OPENAI__URL": url.replace("http", "ws", 1) + "/v1/realtime",
            "OPENAI_API_KEY": key,
            "AGENTVOICE_PUBLISH__SWEEP_INTERVAL_S": "0.5",
            "AGENTVOICE_LOG__LEVEL": "debug",
            "AGENTVOICE_LOG__FORMAT": "auto",
            "JOURNAL_STREAM": "8:1",
            "AGENTVOICE_KEYS__PASSPHRASE": "env:WRONG",
            "WRONG": "another passphrase",
        }
        async with program.daemon() as daemon:
            said = ("--project", "garden", "--say", "Hello")
            call = (await vault.run("call", "start", "ada", *said, "--json")).document["id"]
            waits = await daemon.logged("thread_not_signed")
            assert "the passphrase of keys.passphrase does not open it" in waits["error"]
            assert waits["retryable"]
            shown = (await vault.run("publication", "show", call, "--json")).document
            assert shown["publication"]["state"] == "queued"
            assert vault.leaks(await asyncio.to_thread(seen_of, daemon.process.pid)) == []
        vault.shown.append(str(daemon.log))
        program.environment["AGENTVOICE_KEYS__PASSPHRASE"] = right
        async with program.daemon() as daemon:
            await daemon.logged("thread_prepared")
        vault.shown.append(str(daemon.log))
    assert len(vault.shown) > 4
    assert vault.leaks("".join(vault.shown)) == []
    for path in files_of(program.home):
        assert vault.leaks(path.read_bytes().decode("latin-1")) == [], path
