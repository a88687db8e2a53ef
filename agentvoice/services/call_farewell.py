"""The end of a call that its agent asked for: once its last words were heard, or after their limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from agentvoice.core.call import EndReason
from agentvoice.core.farewell import Farewell, FarewellEvent, next_farewell
from agentvoice.core.ports import Clock
from agentvoice.core.speech import ToolCallRequested
from agentvoice.services.call_handover import CallHandover
from agentvoice.services.dialogue import Dialogue

WENT_ON = "the caller went on speaking"

StartTask = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


class CallFarewell:
    """`start` runs a task of the call, `end` ends it."""

    def __init__(
        self,
        handover: CallHandover,
        dialogue: Dialogue,
        clock: Clock,
        limit_s: float,
        start: StartTask,
        end: Callable[[EndReason], None],
    ) -> None:
        self._handover = handover
        self._dialogue = dialogue
        self._clock = clock
        self._limit_s = limit_s
        self._start = start
        self._end = end
        self._farewell = Farewell.NONE
        self._limits = 0  # each pending farewell has a limit of its own

    @property
    def is_pending(self) -> bool:
        """Whether the call is about to end."""
        return self._farewell is Farewell.PENDING

    def asked(self, tool: ToolCallRequested) -> None:
        """The agent asks for the end."""
        self._tool = tool
        self._move(FarewellEvent.END_ASKED)
        self._wait()

    def speech_started(self) -> None:
        """The caller speaks or types; over a farewell that may mean that there is more to say."""
        was_pending = self.is_pending
        self._move(FarewellEvent.SPEECH_STARTED)
        if was_pending:
            self._handover.turn_down(self._tool, WENT_ON)

    def words_heard(self) -> None:
        """A text of the caller is there."""
        self._move(FarewellEvent.WORDS_HEARD)

    def nothing_said(self) -> None:
        """What was taken for speech had no words."""
        was_pending = self.is_pending
        self._move(FarewellEvent.NOTHING_SAID)
        if self.is_pending and not was_pending:
            self._wait()

    def check(self) -> None:
        """End the call if nothing more of the last words is to be heard."""
        if self.is_pending and self._dialogue.output.is_idle:
            self._end(EndReason.AGENT)

    def _move(self, event: FarewellEvent) -> None:
        self._farewell = next_farewell(self._farewell, event)

    def _wait(self) -> None:
        self._limits += 1
        self._start(self._limit(self._limits), "goodbye limit")
        self.check()

    async def _limit(self, number: int) -> None:
        await self._clock.sleep_until(self._clock.monotonic_s() + self._limit_s)
        if self.is_pending and number == self._limits:
            self._end(EndReason.AGENT)
