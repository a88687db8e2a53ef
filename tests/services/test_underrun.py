"""What a caller heard, with the buffer of a real leg between the call and the ear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentvoice.adapters.wav_file import Pace, WavLeg
from agentvoice.core.audio import FRAME_MS
from agentvoice.core.item import ItemKind, ItemStatus, Role
from agentvoice.core.metrics import PLAYOUT_DEPTH, UNDERRUNS
from agentvoice.core.speech import (
    AudioDelta,
    ItemAdded,
    ItemTextDelta,
    ResponseStarted,
    SpeechStarted,
    TruncateItem,
)
from agentvoice.services.call_manager import CallRequest
from tests.fakes.recorded_callers import recorded, silence
from tests.fakes.speech_session import sound
from tests.services.conftest import House

FIRST_MS = 100
GAP_MS = 300
SECOND_MS = 200
SPOKEN_OVER_MS = 100
"""After the second piece came."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    built = House(tmp_path)
    yield built
    await built.close()


async def test_underrun_is_not_heard(house: House):
    """An answer that stuttered and was interrupted is cut at the sound that was heard, silence not counted."""
    leg = WavLeg(recorded(silence(30)), house.clock, pace=Pace.REALTIME)
    call = asyncio.create_task(house.manager.run(CallRequest("ada"), leg))
    while not house.engine.sessions:
        await house.settle()
    await house.settle()
    session = house.session
    session.emit(
        ResponseStarted("r1"),
        ItemAdded("i1", ItemKind.MESSAGE, Role.AGENT, "r1"),
        ItemTextDelta("i1", "One two three four."),
        AudioDelta("i1", 0, sound(FIRST_MS), "r1"),
    )
    await house.clock.advance(GAP_MS / 1_000)
    session.emit(AudioDelta("i1", 0, sound(SECOND_MS), "r1"))
    await house.clock.advance(SPOKEN_OVER_MS / 1_000)
    session.emit(SpeechStarted(0))
    await house.settle()
    (cut,) = session.told_of(TruncateItem)
    heard_of_second_ms = cut.heard_ms - FIRST_MS
    assert 0 < heard_of_second_ms <= SPOKEN_OVER_MS
    assert heard_of_second_ms % FRAME_MS == 0
    assert house.metrics.sum_of(UNDERRUNS) == len(house.metrics.seen_of(PLAYOUT_DEPTH)) == 1
    await leg.close()
    await house.settle()
    await house.clock.advance(10)
    outcome = await call
    (item,) = [item for item in house.items(outcome.call_id) if item.role is Role.AGENT]
    assert (item.status, item.heard_ms) == (ItemStatus.INTERRUPTED, cut.heard_ms)
