"""A caller leg driven by hand: tests say what the caller does and how much was played."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from agentvoice.core.audio import AudioChunk
from agentvoice.core.item import Item
from agentvoice.core.leg import (
    CallStatus,
    CallUpdate,
    ItemChanged,
    LegEvent,
    OutputCleared,
    Played,
    StatusChanged,
)

U = TypeVar("U")


class FakeLeg:
    """`queued_ms` waits to be played; `hear` plays it."""

    transport = "fake"

    def __init__(self) -> None:
        self.shown: list[CallUpdate] = []
        self.played_samples = 0
        self.queued_samples = 0
        self.is_closed = False
        self.clears = 0
        self._events: asyncio.Queue[LegEvent | None] = asyncio.Queue()

    async def events(self) -> AsyncIterator[LegEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    def do(self, *events: LegEvent) -> None:
        """The caller does this."""
        for event in events:
            self._events.put_nowait(event)

    def vanish(self) -> None:
        """The leg ends without a word."""
        self._events.put_nowait(None)

    def abort(self) -> None:
        """The connection breaks."""
        self.vanish()

    def hear(self, ms: int) -> None:
        """The caller hears up to `ms` more of what is queued."""
        self._hear(ms)
        self.do(Played(self.played_samples))

    def hear_all(self) -> None:
        """The caller hears everything that is queued."""
        self.hear(self.queued_samples)

    def _hear(self, ms: int) -> None:
        samples = min(ms * 24, self.queued_samples)
        self.played_samples += samples
        self.queued_samples -= samples

    def play(self, chunk: AudioChunk) -> None:
        self.queued_samples += chunk.sample_count

    def clear_output(self) -> None:
        self.clears += 1
        self.queued_samples = 0
        self.do(OutputCleared(self.played_samples))

    def show(self, update: CallUpdate) -> None:
        self.shown.append(update)

    def shown_of(self, kind: type[U]) -> list[U]:
        """The updates of one kind, in order."""
        return [update for update in self.shown if isinstance(update, kind)]

    @property
    def status(self) -> CallStatus:
        """The status shown last."""
        return self.shown_of(StatusChanged)[-1].status

    @property
    def items(self) -> dict[str, Item]:
        """Each item as it was shown last, in order of its first showing."""
        return {update.item.id: update.item for update in self.shown_of(ItemChanged)}

    async def close(self) -> None:
        self.is_closed = True
