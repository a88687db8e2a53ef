"""A leg over one connection after the other; over real sockets it is in tests/web/test_call_hold.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.leg import (
    AgentChanged,
    CallerAudioDropped,
    CallerReturned,
    CallerText,
    CallStatus,
    CallUpdate,
    DoNotPublishPressed,
    HungUp,
    ItemChanged,
    LegEvent,
    OutputCleared,
    Played,
    StatusChanged,
    TurnTimed,
)
from agentvoice.errors import NotFound
from agentvoice.services import held_leg
from agentvoice.services.held_leg import HeldLeg
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.clock import ManualClock

HOLD_S = 60.0


class SlowLine(FakeLeg):
    """A line that answers orders to clear only when told, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def play(self, chunk: AudioChunk) -> None:
        self.sent += chunk.samples

    def clear_output(self) -> None:
        self.clears += 1


class Stage:
    """A held leg, and what its call was told."""

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self.clock = ManualClock()
        self.leg = HeldLeg("page", self.clock, hold_s)
        self.told: list[LegEvent] = []
        self.reader = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for event in self.leg.events():
            self.told.append(event)

    async def join(self, lost_ms: int | None = None) -> SlowLine:
        line = SlowLine()
        self.leg.attach(line, lost_ms)
        await self.clock.settle()
        return line

    async def lose(self, line: SlowLine, away_s: float = 0) -> None:
        line.vanish()
        await self.clock.advance(away_s)


@pytest.fixture
async def stage() -> Any:
    built = Stage()
    yield built
    built.reader.cancel()
    await asyncio.gather(built.reader, return_exceptions=True)


def chunk(number: int, samples: int = 100) -> AudioChunk:
    return AudioChunk(CALL_FORMAT, bytes([number, 0]) * samples)


def an_item(number: int, text: str) -> Item:
    return Item(f"{number:032x}", number, ItemKind.MESSAGE, Role.AGENT, "ada", text, ItemStatus.COMPLETED)


async def test_a_caller_who_is_back_goes_on(stage: Stage):
    """The gap is told with its length, the sound that was lost counted, and the new line is listened to."""
    first = await stage.join()
    first.do(CallerText("one"))
    await stage.lose(first, away_s=12)
    second = await stage.join(lost_ms=500)
    second.do(CallerText("two"))
    await stage.clock.settle()
    assert stage.told == [
        CallerText("one"),
        CallerAudioDropped(500),
        CallerReturned(12_000),
        CallerText("two"),
    ]
    assert CallerReturned(12_000).told == (
        "The connection was lost for 12.0 s: what was said meanwhile was not heard."
    )


async def test_a_caller_who_does_not_come_back_has_hung_up(stage: Stage):
    """The leg ends after the time that calls are held, and nobody can join it any more."""
    first = await stage.join()
    await stage.lose(first, away_s=HOLD_S - 1)
    assert not stage.reader.done()
    await stage.clock.advance(1)
    assert stage.reader.done()
    with pytest.raises(NotFound, match="it has ended"):
        stage.leg.attach(SlowLine(), 0)


async def test_each_loss_has_its_own_time(stage: Stage):
    """The time runs from the loss of the last line."""
    line = await stage.join()
    for _ in range(3):
        await stage.lose(line, away_s=HOLD_S - 1)
        line = await stage.join(lost_ms=0)
    assert not stage.reader.done()


async def test_hanging_up_ends_at_once(stage: Stage):
    """Nothing is held for a caller who said that they hang up; what they do on the open line is still told."""
    line = await stage.join()
    line.do(HungUp(), DoNotPublishPressed())
    await stage.clock.settle()
    assert (stage.told, stage.reader.done(), stage.leg.is_over) == (
        [HungUp(), DoNotPublishPressed()],
        False,
        True,
    )
    with pytest.raises(NotFound, match="it has ended"):
        stage.leg.attach(SlowLine(), 0)
    line.vanish()
    await stage.clock.settle()
    assert stage.reader.done()


async def test_without_a_hold_a_lost_line_ends_the_call():
    """`calls.hold_s = 0`: as with every other transport."""
    stage = Stage(hold_s=0)
    await stage.lose(await stage.join())
    await stage.clock.settle()
    assert stage.reader.done()


async def test_what_was_not_heard_is_sent_again_from_the_very_sample(stage: Stage):
    """Sound of before the loss and of the gap, in order, without what was reported as heard."""
    first = await stage.join()
    stage.leg.play(chunk(1))
    stage.leg.play(chunk(2))
    first.do(Played(150))
    await stage.clock.settle()
    await stage.lose(first)
    stage.leg.play(chunk(3))
    assert stage.leg.heard_samples == 150
    second = await stage.join(lost_ms=0)
    assert second.sent == chunk(2, 50).samples + chunk(3).samples
    second.do(Played(250))
    await stage.clock.settle()
    await stage.lose(second)
    third = await stage.join(lost_ms=0)
    assert (third.sent, stage.leg.heard_samples) == (chunk(3, 50).samples, 250)


async def test_an_order_to_clear_is_answered_for_a_line_that_is_lost(stage: Stage):
    """The cut is what was reported as heard; sound of after the order is kept, sound of before never comes."""
    first = await stage.join()
    stage.leg.play(chunk(1))
    stage.leg.clear_output()
    stage.leg.play(chunk(2))
    first.do(Played(30))
    await stage.clock.settle()
    await stage.lose(first)
    await stage.clock.settle()
    assert stage.told == [Played(30), OutputCleared(30)]
    second = await stage.join(lost_ms=0)
    assert second.sent == chunk(2).samples


async def test_clearing_while_nobody_is_there(stage: Stage):
    """It is answered at once with what was heard; nothing of it is sent later."""
    first = await stage.join()
    stage.leg.play(chunk(1))
    await stage.lose(first)
    stage.leg.clear_output()
    await stage.clock.settle()
    assert stage.told == [OutputCleared(0)]
    assert (await stage.join(lost_ms=0)).sent == b""


async def test_an_answered_clear_counts_from_where_it_cut(stage: Stage):
    """What was dropped is not in the count: the next sound begins at the cut."""
    first = await stage.join()
    stage.leg.play(chunk(1))
    stage.leg.clear_output()
    stage.leg.play(chunk(2))
    first.do(OutputCleared(40), Played(60))
    await stage.clock.settle()
    await stage.lose(first)
    assert (await stage.join(lost_ms=0)).sent == chunk(2, 80).samples


async def test_what_was_shown_is_shown_again(stage: Stage):
    """Every item as it is, then the last agent and status; times of turns are of the past."""
    first = await stage.join()
    shown: list[CallUpdate] = [
        AgentChanged("ada", "Ada"),
        StatusChanged(CallStatus.SPEAKING),
        ItemChanged(an_item(1, "He")),
        TurnTimed("ada", 100),
        ItemChanged(an_item(2, "Yes.")),
        ItemChanged(an_item(1, "Hello.")),
    ]
    for update in shown:
        stage.leg.show(update)
    assert first.shown == shown
    await stage.lose(first)
    stage.leg.show(StatusChanged(CallStatus.LISTENING))
    second = await stage.join(lost_ms=0)
    assert second.shown == [shown[5], shown[4], shown[0], StatusChanged(CallStatus.LISTENING)]


async def test_a_new_line_takes_over_from_one_that_is_not_known_to_be_lost(stage: Stage):
    """As when a network changes: the old one is broken, and what it still says is too late."""
    first = await stage.join()
    gone = stage.leg._gone
    first.do(Played(5))
    await stage.clock.settle()
    second = SlowLine()
    stage.leg.attach(second, 3_000)
    assert gone.is_set()
    first.do(Played(90))
    second.do(CallerText("here"))
    await stage.clock.settle()
    assert stage.told == [Played(5), CallerAudioDropped(3_000), CallerReturned(3_000), CallerText("here")]
    assert stage.leg.heard_samples == 5


async def test_a_client_that_reports_nothing_as_heard_is_not_held(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    """Kept sound is bounded; beyond it, it is not known what to send again."""
    monkeypatch.setattr(held_leg, "MAX_KEPT_BYTES", 300)
    first = await stage.join()
    stage.leg.play(chunk(1))
    stage.leg.play(chunk(2))
    await stage.lose(first)
    await stage.clock.settle()
    assert stage.reader.done()


async def test_closing_closes_the_line(stage: Stage):
    """The line takes its last words; without one there is nothing to close."""
    first = await stage.join()
    await stage.leg.close()
    assert first.is_closed
    await stage.lose(first)
    await stage.leg.close()
    assert stage.leg.is_over
