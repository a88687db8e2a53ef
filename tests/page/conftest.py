"""The page over a scripted provider: one daemon for the tests of a file, a browser for each test."""

from __future__ import annotations

import asyncio
import base64
import math
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.fakes.agentvoice_process import Program
from tests.fakes.realtime_provider import Provider, ProviderSession, answer, provider, usage
from tests.page.house import PageHouse

RATE_HZ = 24_000
PIECE_MS = 100


async def furnish(program: Program) -> None:
    """Add the agents and the projects of the tests, by the commands a user would give."""
    await program.must("db", "upgrade")
    for name, voice in (("Ada", "marin"), ("Max", "cedar")):
        about = f"{name} of the tests"
        greeting = f"{name} here."
        await program.must(
            "agent", "add", name.lower(), "--name", name, "--engine", "openai", "--voice", voice,
            "--about", about, "--greeting", greeting,
        )  # fmt: skip
    await program.must(
        "project", "add", "careful", "--new-key", "--title", "Read before it goes", "--policy", "review"
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speaker() -> AsyncIterator[Provider]:
    """The provider; its sessions do what a test says."""
    async with provider() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(speaker: Provider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PageHouse]:
    """The daemon with two agents of that provider, and what opens its page."""
    home = tmp_path_factory.mktemp("page") / "home"
    program = Program(
        home,
        {
            "AGENTVOICE_ENGINES__OPENAI__URL": speaker.url,
            "OPENAI_API_KEY": "not-a-key",
            "AGENTVOICE_CALLS__WARM_SESSIONS": "0",
            "AGENTVOICE_PUBLISH__SWEEP_INTERVAL_S": "0.5",
            "AGENTVOICE_DRAIN_TIMEOUT_S": "0.5",
        },
    )
    await furnish(program)
    async with program.daemon() as daemon, async_playwright() as playwright:
        address = (await daemon.logged("ready"))["http"]
        yield PageHouse(program, daemon, address, playwright)


def tone(ms: int, hz: int = 330) -> bytes:
    """A tone that is as loud as speech, in the call's format."""
    count = RATE_HZ * ms // 1_000
    return b"".join(
        struct.pack("<h", round(9_000 * math.sin(2 * math.pi * hz * at / RATE_HZ))) for at in range(count)
    )


async def sings(session: ProviderSession, response: str, text: str, ms: int, sound: bytes = b"") -> str:
    """A reply of this text that goes on, with all its sound (a tone of `ms` if none is given); returns its item."""
    item = f"item_{response}"
    await session.begins(response)
    await session.adds(response, item)
    await session.writes(response, item, text)
    sound = sound or tone(ms)
    step = RATE_HZ * 2 * PIECE_MS // 1_000
    for at in range(0, len(sound), step):
        piece = base64.b64encode(sound[at : at + step]).decode()
        place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        await session.say("response.output_audio.delta", **place, delta=piece)
    return item


async def ends(session: ProviderSession, response: str, text: str) -> None:
    """The reply that was sung is over."""
    item = f"item_{response}"
    await session.has_spoken(response, item)
    await session.finishes(response, answer(item, text, "completed"))
    await session.ends(response, usage=usage(audio_in=200, audio_out=400))


async def greets(speaker: Provider, text: str = "Hello, this is Ada.", ms: int = 1_000) -> ProviderSession:
    """A call's session, in which the greeting was sung."""
    session = await speaker.session()
    await session.next("response.create")
    await sings(session, "greeting", text, ms)
    await ends(session, "greeting", text)
    return session


SPEECH = 300
"""RMS of PCM16 from which a second of the caller is speech."""
SECOND_BYTES = 48_000
PATIENCE_S = 20.0


def loudness(sound: bytes) -> float:
    """RMS of PCM16."""
    samples = np.frombuffer(sound, "<i2").astype(float)
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


async def hears_speech(session: ProviderSession, seconds: float = 0.3) -> int:
    """Wait until the provider gets speech; return how much sound (ms) it had by then."""
    sound = b""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event = await session.link.expect_any()
            if event["type"] == "input_audio_buffer.append":
                sound += base64.b64decode(event["audio"])
            if loudness(sound[-round(SECOND_BYTES * seconds) :]) > SPEECH:
                return len(sound) * 1_000 // SECOND_BYTES


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """Where a test puts its recording of the caller."""
    return tmp_path / "caller.wav"
