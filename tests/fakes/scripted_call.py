"""A call in the place of call_session: it answers a leg by script, on the clock of the test."""

from __future__ import annotations

import asyncio

from agentvoice.adapters.reply_watch import GREETING_SETTLE_S
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.leg import (
    CallerAudio,
    CallerText,
    CallStatus,
    LegEvent,
    OutputCleared,
    Played,
    StatusChanged,
)
from agentvoice.core.ports import CallerLeg
from tests.fakes.clock import ManualClock


class ScriptedCall:
    """Reads a leg's events, with the time (s since its start) at which each came."""

    def __init__(self, leg: CallerLeg, clock: ManualClock) -> None:
        self.events: list[tuple[float, LegEvent]] = []
        self.queued_samples = 0
        self.has_ended = False
        self._leg = leg
        self._clock = clock
        self._start_s = clock.monotonic_s()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self._leg.events():
            self.events.append((round(self._clock.monotonic_s() - self._start_s, 3), event))
        self.has_ended = True

    def show(self, *statuses: CallStatus) -> None:
        """Show one status after the other."""
        for status in statuses:
            self._leg.show(StatusChanged(status))

    def say(self, samples: bytes) -> None:
        """Speak as the agent."""
        self.queued_samples += len(samples) // 2
        self._leg.play(AudioChunk(CALL_FORMAT, samples))

    async def reply(self, samples: bytes) -> None:
        """Answer a turn as call_session does: think, speak, listen when all was played."""
        self.show(CallStatus.THINKING)
        await self._clock.settle()
        self.show(CallStatus.SPEAKING)
        self.say(samples)
        await self._clock.settle()
        while self.played_samples < self.queued_samples:
            await self._clock.advance(0.02)
        self.show(CallStatus.LISTENING)
        await self._clock.settle()

    @property
    def heard(self) -> bytes:
        """All the sound of the caller."""
        return b"".join(event.chunk.samples for _, event in self.events if isinstance(event, CallerAudio))

    @property
    def heard_at_s(self) -> list[float]:
        """When each frame of the caller came."""
        return [at_s for at_s, event in self.events if isinstance(event, CallerAudio)]

    @property
    def texts(self) -> list[str]:
        """What the caller typed."""
        return [event.text for _, event in self.events if isinstance(event, CallerText)]

    @property
    def played(self) -> list[int]:
        """The reports of what was played."""
        return [event.sample_count for _, event in self.events if isinstance(event, Played)]

    @property
    def played_samples(self) -> int:
        """The last report."""
        return self.played[-1] if self.played else 0

    @property
    def cleared(self) -> list[int]:
        """The answers to orders to clear."""
        return [event.sample_count for _, event in self.events if isinstance(event, OutputCleared)]

    @property
    def last_event(self) -> LegEvent:
        """The newest event."""
        return self.events[-1][1]

    async def close(self) -> None:
        """Close the leg and stop reading."""
        await self._leg.close()
        await self._reading


async def answered(call: ScriptedCall, clock: ManualClock) -> None:
    """Let the call listen, without a greeting, until the caller's file begins."""
    call.show(CallStatus.LISTENING)
    await clock.advance(GREETING_SETTLE_S)
