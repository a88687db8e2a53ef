"""A caller leg that outlives its connection: the call is held until its caller is back.

What was not reported as heard is kept, so that a caller who comes back hears the rest; the agent need not
know that anybody was away. What was shown is shown again. The caller's own sound of the gap is lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from agentvoice.core.audio import AudioChunk
from agentvoice.core.leg import (
    AgentChanged,
    CallerAudioDropped,
    CallerReturned,
    CallUpdate,
    HungUp,
    ItemChanged,
    LegEvent,
    OutputCleared,
    Played,
    PublishingChanged,
    SpendingChanged,
    StatusChanged,
)
from agentvoice.core.ports import CallerLeg, Clock
from agentvoice.core.retry import MS_PER_S
from agentvoice.errors import NotFound, TimedOut

MAX_KEPT_BYTES = 32 * 1024 * 1024
"""Unheard sound, eleven minutes of it. A client that reports none as heard beyond it is not held."""

SHOWN_AGAIN = (AgentChanged, StatusChanged, PublishingChanged, SpendingChanged)
"""Updates of which the last is shown to a caller who is back, in this order, after the items."""


class Line(CallerLeg, Protocol):
    """A connection of the caller. It was lost if its events end and there was no HungUp among them."""

    def abort(self) -> None:
        """Break it at once."""
        ...


class HeldLeg:
    """A caller leg over one connection after the other; each is given by `attach`."""

    def __init__(self, transport: str, clock: Clock, hold_s: float) -> None:
        self.transport = transport
        self._clock = clock
        self._hold_s = hold_s
        self._line: Line | None = None
        self._gone = asyncio.Event()
        self._lost_at_s = clock.monotonic_s()
        self._owed: asyncio.Queue[LegEvent | Line] = asyncio.Queue()
        """What the call is told next: events that no line brings, and the line to go on with."""
        self.is_over = False
        """Whether nobody can come back any more."""
        self._sound = _KeptSound()
        self._items: dict[str, ItemChanged] = {}
        self._latest: dict[type[CallUpdate], CallUpdate] = {}

    @property
    def heard_samples(self) -> int:
        """Samples that the caller reported as heard."""
        return self._sound.heard

    def attach(self, line: Line, lost_ms: int | None = None) -> asyncio.Event:
        """Go on with `line`; return what is set once it is the call's line no more.

        `lost_ms` is the caller's sound of the gap, None for the first line. Raises NotFound if the call
        has ended.
        """
        if self.is_over:
            raise NotFound("call: it has ended")
        if self._line is not None:  # its end has not been seen yet, as happens when a network changes
            self._line.abort()
            self._detach()
        self._line, self._gone = line, asyncio.Event()
        if lost_ms is not None:
            self._tell_return(lost_ms)
            self._show_again(line)
        self._owed.put_nowait(line)
        return self._gone

    def _tell_return(self, lost_ms: int) -> None:
        # A line that was taken over was lost before anybody here could see it: its caller knows better.
        gap_ms = round((self._clock.monotonic_s() - self._lost_at_s) * MS_PER_S)
        self._owed.put_nowait(CallerAudioDropped(lost_ms))
        self._owed.put_nowait(CallerReturned(max(gap_ms, lost_ms)))

    def _show_again(self, line: Line) -> None:
        for item in self._items.values():
            line.show(item)
        for kind in SHOWN_AGAIN:
            if kind in self._latest:
                line.show(self._latest[kind])
        for chunk in self._sound.unheard():
            line.play(chunk)

    def _detach(self) -> None:
        self._line = None
        self._lost_at_s = self._clock.monotonic_s()
        self._gone.set()
        for _ in range(self._sound.clears):  # the answer to these orders does not come any more
            self._owe_cleared()

    def _owe_cleared(self) -> None:
        cleared = OutputCleared(self._sound.heard)
        self._sound.cleared(cleared.sample_count)
        self._owed.put_nowait(cleared)

    async def events(self) -> AsyncIterator[LegEvent]:
        """Yield what the caller does on any line; ends when a lost line was not replaced in time.

        Nobody can come back after HungUp.
        """
        try:
            while (owed := await self._next_owed()) is not None:
                if isinstance(owed, LegEvent):
                    yield owed
                    continue
                async for event in self._events_of(owed):
                    self.is_over = self.is_over or isinstance(event, HungUp)
                    yield event  # after HungUp too: what the caller wants of the publishing still counts
                if self.is_over:
                    return
                if owed is self._line:
                    self._detach()
        finally:
            self.is_over = True

    async def _events_of(self, line: Line) -> AsyncIterator[LegEvent]:
        async for event in line.events():
            if line is not self._line:
                return  # another has taken over: what this one says comes too late
            match event:
                case Played(sample_count=count):
                    self._sound.played(count)
                case OutputCleared(sample_count=count):
                    self._sound.cleared(count)
            yield event

    async def _next_owed(self) -> LegEvent | Line | None:
        """Return what comes next, None when the call was held long enough."""
        if not self._owed.empty():
            return self._owed.get_nowait()
        left_s = self._lost_at_s + self._hold_s - self._clock.monotonic_s()
        if left_s <= 0 or self._sound.is_too_much:
            return None
        try:
            async with self._clock.deadline(left_s):
                return await self._owed.get()
        except TimedOut:
            return None

    def play(self, chunk: AudioChunk) -> None:
        """Send sound, and keep it until it is heard."""
        self._sound.add(chunk)
        if self._line is not None:
            self._line.play(chunk)

    def clear_output(self) -> None:
        """Drop what is not played; while nobody is there, nothing is."""
        self._sound.clear()
        if self._line is not None:
            self._line.clear_output()
        else:
            self._owe_cleared()

    def show(self, update: CallUpdate) -> None:
        """Show an update, and remember it."""
        if isinstance(update, ItemChanged):
            self._items[update.item.id] = update
        else:
            self._latest[type(update)] = update
        if self._line is not None:
            self._line.show(update)

    async def close(self) -> None:
        """Close the line; nobody can come back any more."""
        self.is_over = True
        if self._line is not None:
            await self._line.close()


class _KeptSound:
    """Sound that was sent and is not known to be heard, by samples counted as `Played` counts them."""

    def __init__(self) -> None:
        self.heard = 0
        self.clears = 0
        """Orders to clear that are not answered. Until then it is not known where new sound begins."""
        self.is_too_much = False
        self._begins_at = 0
        self._chunks: deque[AudioChunk] = deque()
        self._bytes = 0

    def add(self, chunk: AudioChunk) -> None:
        self._chunks.append(chunk)
        self._bytes += len(chunk.samples)
        if self._bytes > MAX_KEPT_BYTES:
            self.is_too_much = True
            self._drop()

    def clear(self) -> None:
        self.clears += 1
        self._drop()

    def _drop(self) -> None:
        self._chunks.clear()
        self._bytes = 0

    def played(self, count: int) -> None:
        self.heard = max(self.heard, count)
        if not self.clears:
            self._forget_heard()

    def cleared(self, count: int) -> None:
        self.heard = max(self.heard, count)
        self.clears = max(0, self.clears - 1)
        if not self.clears:
            self._begins_at = self.heard

    def _forget_heard(self) -> None:
        while self._chunks and self._begins_at + self._chunks[0].sample_count <= self.heard:
            chunk = self._chunks.popleft()
            self._begins_at += chunk.sample_count
            self._bytes -= len(chunk.samples)

    def unheard(self) -> list[AudioChunk]:
        """Return what is to be sent again, from the very sample."""
        chunks = list(self._chunks)
        skipped = self.heard - self._begins_at
        if chunks and skipped > 0:
            first = chunks[0]
            chunks[0] = AudioChunk(first.format, first.samples[skipped * first.format.sample_bytes :])
        return chunks
