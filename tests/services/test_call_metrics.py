from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentvoice.core.leg import (
    AgentChanged,
    CallerAudioDropped,
    CallerText,
    CallStatus,
    HandoverTimed,
    InterruptPressed,
    Played,
    PlayoutReported,
    StatusChanged,
    TurnTimed,
)
from agentvoice.core.metrics import (
    AUDIO_DROPPED,
    BARGE_INS,
    CALLS_ENDED,
    CALLS_LIVE,
    FROM_LEG,
    HANDOVER_TIME,
    HANDOVERS,
    PLAYOUT_DEPTH,
    RECONNECTS,
    SESSIONS_LOST,
    SESSIONS_OPENED,
    UNDERRUNS,
    VOICE_TO_VOICE,
)
from agentvoice.core.speech import SessionLost, SpeechStarted
from agentvoice.services.call_metrics import MeasuredLeg
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.metrics import ToldMetrics
from tests.services.conftest import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    built = House(tmp_path)
    yield built
    await built.close()


@pytest.fixture
def metrics() -> ToldMetrics:
    return ToldMetrics()


@pytest.fixture
async def inner() -> FakeLeg:
    return FakeLeg()


@pytest.fixture
async def leg(inner: FakeLeg, metrics: ToldMetrics) -> MeasuredLeg:
    return MeasuredLeg(inner, metrics)


def show(leg: MeasuredLeg, *statuses: CallStatus) -> None:
    for status in statuses:
        leg.show(StatusChanged(status))


async def test_a_whole_call_is_counted(house: House):
    """Live while it lives; its session, an answer spoken over, a lost session, and its end are counted."""
    told = house.metrics
    call = await house.live_call()
    assert told.sum_of(CALLS_LIVE) == 1
    house.session.emit_reply("r1", "Hello.", 1_000, end=False)
    await house.settle()
    house.session.emit(SpeechStarted(0))
    await house.settle()
    assert told.sum_of(BARGE_INS) == 1
    house.session.emit(SessionLost("the network broke"))
    await house.settle()
    assert (told.sum_of(SESSIONS_LOST), told.sum_of(RECONNECTS)) == (1, 1)
    assert told.sum_of(SESSIONS_OPENED, "local") == 2
    await house.hang_up(call)
    assert told.sum_of(CALLS_LIVE) == 0
    assert told.sum_of(CALLS_ENDED, "caller") == 1


async def test_reports_of_the_leg_end_in_the_metrics(leg: MeasuredLeg, inner: FakeLeg, metrics: ToldMetrics):
    """Depth, underruns and lost sound are counted; the call sees what is meant for it."""
    inner.do(PlayoutReported(60, 2), CallerAudioDropped(40), Played(480), InterruptPressed())
    inner.vanish()
    assert [event async for event in leg.events()] == [Played(480), InterruptPressed()]
    assert metrics.seen_of(PLAYOUT_DEPTH) == [0.06]
    assert metrics.sum_of(UNDERRUNS) == 2
    assert metrics.sum_of(AUDIO_DROPPED, FROM_LEG) == 0.04


async def test_times_are_measured_in_seconds(leg: MeasuredLeg, inner: FakeLeg, metrics: ToldMetrics):
    """What the caller waited is shown in ms and measured in s."""
    leg.show(TurnTimed("ada", 700))
    leg.show(HandoverTimed("ada", "max", 40))
    assert metrics.seen_of(VOICE_TO_VOICE) == [0.7]
    assert metrics.seen_of(HANDOVER_TIME) == [0.04]
    assert len(inner.shown) == 2


async def test_another_agent_is_a_handover(leg: MeasuredLeg, metrics: ToldMetrics):
    """The first agent takes the call without one, and the same agent again is none."""
    for slug in ("ada", "ada", "max", "ada"):
        leg.show(AgentChanged(slug, slug.title()))
    assert metrics.sum_of(HANDOVERS) == 2


async def test_only_speech_over_an_answer_is_a_barge_in(
    leg: MeasuredLeg, inner: FakeLeg, metrics: ToldMetrics
):
    """By voice, by button, by typing; not while nobody speaks."""
    show(leg, CallStatus.LISTENING, CallStatus.HEARING, CallStatus.THINKING)
    inner.do(CallerText("hm"), InterruptPressed())
    assert metrics.sum_of(BARGE_INS) == 0
    show(leg, CallStatus.SPEAKING, CallStatus.HEARING)
    assert metrics.sum_of(BARGE_INS) == 1
    show(leg, CallStatus.SPEAKING)
    inner.vanish()
    assert len([event async for event in leg.events()]) == 2
    assert metrics.sum_of(BARGE_INS) == 3


async def test_a_lost_session_that_ends_the_call_is_no_reconnect(leg: MeasuredLeg, metrics: ToldMetrics):
    """Two losses in a row are two; the second replaced one was replaced once."""
    show(leg, CallStatus.RECONNECTING, CallStatus.RECONNECTING, CallStatus.LISTENING)
    show(leg, CallStatus.RECONNECTING, CallStatus.ENDED)
    assert (metrics.sum_of(SESSIONS_LOST), metrics.sum_of(RECONNECTS)) == (3, 1)


async def test_the_leg_is_passed_through(leg: MeasuredLeg, inner: FakeLeg):
    """Transport and closing are the leg's own."""
    assert leg.transport == inner.transport
    await leg.close()
    assert inner.is_closed
