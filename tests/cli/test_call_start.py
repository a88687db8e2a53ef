"""`agentvoice call start` as a user runs it, its agent on a Realtime server that nobody here wrote."""

from __future__ import annotations

import asyncio
import shutil
import signal
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.agentvoice_process import Program
from tests.fakes.aimock import aimock

FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "Hello"}, "response": {"content": "Hello to you."}},
    {"match": {"userMessage": "Goodbye"}, "response": {"content": "Until soon."}},
]
SAID = [("user", "Hello"), ("agent", "Hello to you."), ("user", "Goodbye"), ("agent", "Until soon.")]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("start") / "home"
    asyncio.run(Program(home).must("agent", "add", "ada", "--name", "Ada", "--engine", "openai"))
    return home


@pytest.fixture
async def program(furnished: Path, tmp_path: Path) -> AsyncIterator[Program]:
    shutil.copytree(furnished, tmp_path / "home")
    async with aimock(tmp_path, FIXTURES, "") as url:
        yield Program(
            tmp_path / "home",
            {
                "AGENTVOICE_ENGINES__OPENAI__URL": url.replace("http", "ws", 1) + "/v1/realtime",
                "OPENAI_API_KEY": "none",
            },
        )


def said(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item["role"], item["text"]) for item in document["items"] if item["kind"] == "message"]


async def test_typed_turns_become_one_document(program: Program):
    """One document on stdout, the same that `call show` gives; the transcript is on stderr."""
    finished = await program.must("call", "start", "ada", "--say", "Hello", "--say", "Goodbye", "--json")
    document = finished.document
    assert said(document) == SAID
    assert (document["transport"], document["engine"], document["end_reason"]) == ("text", "openai", "caller")
    assert document["publication"]["state"] == "published"
    shown = (await program.must("call", "show", document["id"], "--json")).document
    for each in (shown, document):  # the link names the relay's port, a free one in each process
        assert each["publication"].pop("nevent").startswith("nevent1")
    assert shown == document
    assert f"call {document['id']}" in finished.err.splitlines()
    assert "Until soon." in finished.err


async def test_turns_are_read_from_standard_input(program: Program, tmp_path: Path):
    """A line is a turn, the end of the input hangs up; the recording of a silent call is a valid file."""
    output = tmp_path / "call.wav"
    finished = await program.must(
        *("call", "start", "ada", "--input", "text", "--output", str(output), "--json"),
        stdin="Hello\nGoodbye\n",
    )
    assert said(finished.document) == SAID
    with wave.open(str(output)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 24_000)


async def test_the_interrupt_key_ends_the_call_not_the_program(program: Program):
    """Ctrl-C hangs up: what was said is kept and published, and the command answers as always."""
    process = await program.spawn("call", "start", "ada", "--input", "text", "--json")
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"Hello\n")
    async with asyncio.timeout(40):
        async for line in process.stderr:
            if b"Hello to you." in line:
                process.send_signal(signal.SIGINT)
                break
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert b'"end_reason": "caller"' in out
    document = (await program.must("call", "show", "last", "--json")).document
    assert said(document) == SAID[:2]
    assert document["publication"]["state"] == "published"
