"""The caller leg of somebody who types: one text is one turn, the next waits for the reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from agentvoice.adapters.call_recording import CallRecording
from agentvoice.adapters.leg_events import LegEvents
from agentvoice.adapters.reply_watch import GREETING_SETTLE_S, REPLY_SETTLE_S, ReplyWatch
from agentvoice.core.audio import AudioChunk
from agentvoice.core.leg import CallerText, CallUpdate, HungUp, LegEvent, OutputCleared, Played, StatusChanged
from agentvoice.core.ports import Clock


class TextLeg:
    """Typed turns as a caller (core.ports.CallerLeg).

    `texts` are the turns, or a source of lines (read one at a time, when the reply before is over).
    After the last it waits for the reply, then hangs up. Replies count as heard when they arrive;
    their sound goes to `recording`, if there is one, which its creator closes.
    """

    def __init__(
        self,
        texts: Sequence[str] | AsyncIterator[str],
        clock: Clock,
        *,
        reply_timeout_s: float = 60.0,
        recording: CallRecording | None = None,
        on_update: Callable[[CallUpdate], None] | None = None,
    ) -> None:
        self._texts = texts
        self._recording = recording
        self._on_update = on_update
        self._events = LegEvents()
        self._watch = ReplyWatch(clock, reply_timeout_s)
        self._heard_samples = 0
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def transport(self) -> str:
        """`text`."""
        return "text"

    def events(self) -> AsyncIterator[LegEvent]:
        """Start with the first text; yield the turns, what was heard, and HungUp at the end."""
        if self._task is None and not self._is_closed:
            self._task = asyncio.create_task(self._run())
        return self._events

    def play(self, chunk: AudioChunk) -> None:
        """Take sound of the agent as heard."""
        if self._is_closed:
            return
        self._heard_samples += chunk.sample_count
        if self._recording is not None:
            self._recording.append(agent=chunk.samples)
        self._watch.reply_heard()
        self._events.push(Played(self._heard_samples))

    def clear_output(self) -> None:
        """Nothing waits: all sound was heard when it came."""
        self._events.push(OutputCleared(self._heard_samples))

    def show(self, update: CallUpdate) -> None:
        """Follow the call's status, and pass the update on."""
        if isinstance(update, StatusChanged):
            self._watch.show_status(update.status)
        if self._on_update is not None:
            self._on_update(update)

    async def close(self) -> None:
        """Stop; `events` ends."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            self._task = None
        self._events.end()

    async def _run(self) -> None:
        try:
            await self._watch.wait(GREETING_SETTLE_S)
            async for text in self._lines():
                if self._watch.has_ended:
                    break
                if text.strip():
                    self._watch.caller_spoke()
                    self._events.push(CallerText(text.strip()))
                    await self._watch.wait(REPLY_SETTLE_S)
            self._events.push(HungUp())
            self._events.end()
        except Exception as error:  # the reader of the events is who can tell the call
            self._events.end(error)

    async def _lines(self) -> AsyncIterator[str]:
        if isinstance(self._texts, Sequence):
            for text in self._texts:
                yield text
        else:
            async for text in self._texts:
                yield text
