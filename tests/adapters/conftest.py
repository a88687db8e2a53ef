from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from agentvoice.adapters.wav_file import Pace, WavLeg
from agentvoice.adapters.wav_input import WavInput
from tests.fakes.clock import ManualClock
from tests.fakes.recorded_callers import TWO_TURNS
from tests.fakes.scripted_call import ScriptedCall

REPLY_TIMEOUT_S = 2.0

Begin = Callable[..., ScriptedCall]
"""Begins a call whose caller is a WAV file."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def begin(clock: ManualClock) -> AsyncIterator[Begin]:
    calls: list[ScriptedCall] = []

    def begin_call(wav: WavInput = TWO_TURNS, pace: Pace = Pace.TURNS, **options: Any) -> ScriptedCall:
        leg = WavLeg(wav, clock, pace=pace, reply_timeout_s=REPLY_TIMEOUT_S, **options)
        calls.append(ScriptedCall(leg, clock))
        return calls[-1]

    yield begin_call
    for call in calls:
        await call.close()
