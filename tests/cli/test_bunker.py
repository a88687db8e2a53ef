"""`agentvoice key import` of a bunker's address, and what is signed by it."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agentvoice.adapters.signer import KeySigner
from tests.cli.conftest import Cli
from tests.fakes.agentvoice_process import Program
from tests.fakes.aimock import aimock
from tests.fakes.ndk_bunker import NdkBunker, ndk_bunker
from tests.fakes.nostr_relays import local_relay
from tests.fakes.scripted_bunker import Asked, keep_silent, scripted_bunker

FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "Hello"}, "response": {"content": "Hello to you."}},
]


@pytest.fixture
async def relay() -> AsyncIterator[str]:
    async with local_relay() as address:
        yield address


@pytest.fixture
async def bunker(relay: str) -> AsyncIterator[NdkBunker]:
    async with ndk_bunker(relay) as running:
        yield running


@pytest.fixture
async def program(tmp_path: Path) -> Program:
    made = Program(tmp_path / "home", {"AGENTVOICE_BUNKER__PAIR_TIMEOUT_S": "20"})
    await made.must("db", "upgrade")
    return made


def key_file(program: Program, npub: str) -> Path:
    return program.home / "keys" / npub


async def test_a_pairing_is_kept_without_its_secret(program: Program, bunker: NdkBunker):
    """The key is known by its npub; its file is private, and holds the link but not the one-time secret."""
    secret = bunker.token
    imported = await program.must("key", "import", "--label", "vault", "--json", stdin=bunker.address + "\n")
    npub = bunker.signer.npub
    assert imported.document["npub"] == npub
    assert imported.document["reference"] == f"file:{npub}"
    assert stat.S_IMODE(key_file(program, npub).stat().st_mode) == 0o600
    assert secret not in key_file(program, npub).read_text()
    assert secret not in imported.out + imported.err
    assert "vault" in (await program.must("key", "list")).out


async def test_a_second_pairing_replaces_the_first(program: Program, bunker: NdkBunker):
    """A new address of the same bunker is a new link; one key is known."""
    await program.must("key", "import", stdin=bunker.address)
    before = key_file(program, bunker.signer.npub).read_text()
    await bunker.kill()
    bunker.token = "another"
    await bunker.start()
    await program.must("key", "import", stdin=bunker.address)
    assert key_file(program, bunker.signer.npub).read_text() != before
    assert len((await program.must("key", "list", "--json")).document["keys"]) == 1


async def test_a_used_secret_is_refused(program: Program, bunker: NdkBunker):
    """The bunker's words and exit code 4; nothing is stored."""
    address = bunker.address
    await program.must("key", "import", stdin=address)
    await program.must("key", "remove", bunker.signer.npub, "--delete-secret")
    refused = await program.run("key", "import", stdin=address)
    assert (refused.exit_code, refused.out) == (4, "")
    assert "refused: the secret is unknown or was used before" in refused.err
    assert not key_file(program, bunker.signer.npub).exists()
    assert (await program.must("key", "list", "--json")).document["keys"] == []


async def test_a_key_that_is_here_is_not_overwritten(program: Program, relay: str):
    """A file with the secret key itself stays, whatever a bunker says that it signs for."""
    signer = KeySigner.generate()
    await program.must("key", "import", stdin=signer.reveal())

    async def claim(asked: Asked) -> None:
        await asked.answer({"connect": "ack", "get_public_key": signer.pubkey}.get(asked.method, "null"))

    async with scripted_bunker(relay, answer=claim) as bunker:
        text = f"bunker://{bunker.signer.pubkey}?relay={relay}"
        await program.run("key", "import", stdin=text)
    assert key_file(program, signer.npub).read_text().strip() == signer.reveal()


async def test_a_bunker_that_wants_approval_is_told_while_it_waits(program: Program, relay: str):
    """The address to open stands on stderr; without the approval in time, exit code 1 says it again."""
    program.environment["AGENTVOICE_BUNKER__PAIR_TIMEOUT_S"] = "1.5"

    async def want_approval(asked: Asked) -> None:
        await asked.answer("auth_url", "https://bunker.example/yes")

    async with scripted_bunker(relay, answer=want_approval) as bunker:
        text = f"bunker://{bunker.signer.pubkey}?relay={relay}&secret=once"
        failed = await program.run("key", "import", stdin=text)
    assert failed.exit_code == 1
    assert failed.err.count("https://bunker.example/yes") == 2
    assert "open https://bunker.example/yes, then try again" in failed.err
    assert "once" not in failed.err


async def test_a_bunker_that_is_not_there(program: Program, relay: str):
    """Exit code 1 and what may be wrong, after the time limit of the settings."""
    program.environment["AGENTVOICE_BUNKER__PAIR_TIMEOUT_S"] = "0.7"
    async with scripted_bunker(relay, answer=keep_silent) as bunker:
        failed = await program.run("key", "import", stdin=f"bunker://{bunker.signer.pubkey}?relay={relay}")
    assert failed.exit_code == 1
    assert "no answer within 0.7 s" in failed.err


def test_an_address_that_is_none(cli: Cli):
    """The fault is named, the address with its secret never repeated."""
    assert cli("db", "upgrade").code == 0
    answer = cli("key", "import", stdin=f"bunker://{'ab' * 32}?secret=hush")
    assert answer.code == 2
    assert answer.complaint.startswith("bunker address: relay: got none, want bunker://")
    assert "hush" not in answer.err


def test_an_address_on_the_command_line_is_refused(cli: Cli):
    """Other users see process lists: its secret is not used, nor repeated."""
    answer = cli("key", "import", f"bunker://{'ab' * 32}?relay=wss://r.example&secret=hush")
    assert answer.code == 2
    assert "SOURCE: got the address of a bunker" in answer.complaint
    assert "hush" not in answer.err


async def test_a_relay_is_tried_with_the_bunkers_key(program: Program, bunker: NdkBunker, relay: str):
    """`relay check --write --key` asks the bunker for the signature."""
    await program.must("key", "import", stdin=bunker.address)
    checked = await program.must("relay", "check", relay, "--write", "--key", bunker.signer.npub, "--json")
    (report,) = checked.document["relays"]
    assert report["ok"]
    assert "write" in [each["name"] for each in report["findings"]]


async def test_a_calls_thread_is_signed_by_the_bunker(program: Program, bunker: NdkBunker, tmp_path: Path):
    """A whole call of an agent whose key the machine never had: published, and verified from the relay."""
    await program.must("key", "import", stdin=bunker.address)
    await program.must("agent", "add", "ada", "--engine", "openai", "--key", bunker.signer.npub)
    async with aimock(tmp_path, FIXTURES, "") as url:
        program.environment["AGENTVOICE_ENGINES__OPENAI__URL"] = url.replace("http", "ws", 1) + "/v1/realtime"
        program.environment["OPENAI_API_KEY"] = "none"
        finished = await program.must("call", "start", "ada", "--say", "Hello", "--json")
    publication = finished.document["publication"]
    assert publication["state"] == "published"
    signers = [event["signer"] for event in publication["events"]]
    assert signers[-1] == bunker.signer.npub
    await bunker.deny()  # what it was asked is known when it has answered us
    assert bunker.asked.count("sign_event") == signers.count(bunker.signer.npub)
    assert bunker.signer.reveal() not in "".join(
        path.read_text(errors="replace") for path in program.home.rglob("*") if path.is_file()
    )
