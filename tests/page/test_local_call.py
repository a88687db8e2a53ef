"""A call from the page on the local engine: real speech recognition, a real model, a real voice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from agentvoice.adapters.pauses import FRAME_SAMPLES
from agentvoice.adapters.wav_input import read_wav
from tests.fakes.agentvoice_process import Program
from tests.page.house import PageHouse
from tests.page.spoken import record, resampled, silence

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
RATE_HZ = 24_000
LISTENING_S = 8.0
"""Silence after each turn, in which the agent answers, on a machine that has much else to do."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, models_home: Path) -> AsyncIterator[PageHouse]:
    """The daemon with the agents that come along, its models warm."""
    program = Program(
        tmp_path_factory.mktemp("local") / "home", {"AGENTVOICE_PUBLISH__SWEEP_INTERVAL_S": "0.5"}
    )
    program.home.mkdir(mode=0o700)
    (program.home / "models").symlink_to(models_home / "models")
    await program.must("db", "upgrade")
    for slug in ("ada", "max"):
        await program.must("agent", "import", str(ROOT / "config" / "agents" / f"{slug}.toml"))
    async with program.daemon() as daemon, async_playwright() as playwright:
        address = (await daemon.logged("ready"))["http"]
        await daemon.logged("speech worker ready")
        yield PageHouse(program, daemon, address, playwright)


async def turns() -> list[bytes]:
    """The turns of the demo's caller, as the microphone's samples."""
    recording = await read_wav(ROOT / "demo" / "hello.wav")
    borders = [0, *(2 * FRAME_SAMPLES * (frame + 1) for frame in sorted(recording.speech.pauses))]
    return [resampled(recording.samples[start:end], RATE_HZ) for start, end in pairwise(borders)]


async def test_a_spoken_call_from_greeting_to_thread(house: PageHouse, microphone: Path):
    """Ada greets and answers, hands over to Max as she is asked to, he says goodbye; the thread is published."""
    asked, handed_over, _, goodbye = await turns()
    pause = silence(LISTENING_S)
    record(microphone, [pause, asked, pause, handed_over, pause, goodbye, pause])
    async with house.visit(microphone) as visit:
        await visit.call()
        await visit.hear(500)
        await visit.see("Hello, this is Ada.")
        await visit.see("France")
        await visit.hear(100)
        await visit.see("Ada handed over to Max")
        await visit.page.get_by_role("heading", name="Call with Max").wait_for()
        await visit.hear(100)
        await visit.page.get_by_role("heading", name="Call ended").wait_for(timeout=60_000)
        await visit.see("Max ended the call")
        await visit.see("Thread: published")
        assert await visit.page.get_by_role("link", name="nostr:nevent").count() == 1
