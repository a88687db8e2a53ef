"""The changes of a call's session (the first one, handovers, restored ones), as its state shows them.

While one is under way the caller's turns wait: sound in the session link, typed turns here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from agentvoice.core.call import CallEvent, CallState
from agentvoice.core.leg import CallStatus
from agentvoice.core.speech import SessionLost, ToolCallRequested
from agentvoice.errors import AgentVoiceError, CallError
from agentvoice.services.call_handover import CallHandover
from agentvoice.services.call_progress import CallProgress
from agentvoice.services.call_restore import CallRestore
from agentvoice.services.dialogue import Dialogue
from agentvoice.services.session_link import SessionLink

StartTask = Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]]


class CallChanges:
    """`start` runs a task of the call; `gave_up` is told why no session could be had again.

    `settled` is told when a session takes the caller's turns again.
    """

    def __init__(
        self,
        handover: CallHandover,
        restore: CallRestore,
        link: SessionLink,
        dialogue: Dialogue,
        progress: CallProgress,
        start: StartTask,
        gave_up: Callable[[AgentVoiceError], None],
        settled: Callable[[], None],
    ) -> None:
        self._handover = handover
        self._restore = restore
        self._link = link
        self._dialogue = dialogue
        self._progress = progress
        self._start = start
        self._gave_up = gave_up
        self._settled = settled
        self._typed: list[str] = []

    async def begin(self, slug: str) -> None:
        """Open the first session; raises what kept every engine of the agent from it."""
        await self._handover.begin(slug)
        self._progress.move(CallEvent.SESSION_READY)
        self._handover.greet()
        self._done()  # after the greeting was asked for: the caller shall wait for it

    def start_switch(self, slug: str, tool: ToolCallRequested | None) -> asyncio.Task[AgentVoiceError | None]:
        """Begin a handover; see `switch`."""
        return self._start(self.switch(slug, tool), f"handover to {slug}")

    async def wait_for_switch(self, slug: str) -> AgentVoiceError | None:
        """Hand over and return why it failed, if it did; who stops waiting does not stop it."""
        task = self.start_switch(slug, None)
        await asyncio.wait({task})
        if task.cancelled() or task.exception() is not None:
            return CallError("handover: the call ended before it was done")
        return task.result()

    async def switch(self, slug: str, tool: ToolCallRequested | None) -> AgentVoiceError | None:
        """Hand over; return why it failed, if it did (the old agent stays and says so)."""
        if tool is not None and self._progress.is_in(CallState.SWITCHING):
            twin = CallError("handover: another one is running")
            self._handover.turn_down(tool, str(twin))  # what comes of that one is spoken next
            return twin
        if not self._progress.is_in(CallState.LIVE):
            return self._handover.stay(CallError(f"handover: the call is {self._progress.state.value}"), tool)
        self._progress.move(CallEvent.SWITCH_REQUESTED)
        self._dialogue.display.show_status(CallStatus.SWITCHING)
        failure = await self._handover.switch(slug, tool)
        if self._progress.is_in(CallState.SWITCHING):  # else its session was lost meanwhile
            self._progress.move(CallEvent.SWITCH_FAILED if failure else CallEvent.SWITCH_DONE)
            self._done()
        return failure

    def lost(self, event: SessionLost) -> None:
        """The session is gone: the same agent goes on in a new one."""
        self._link.lose()
        self._progress.move(CallEvent.SESSION_LOST)
        self._dialogue.display.show_status(CallStatus.RECONNECTING)
        self._start(self._reconnect(event), "reconnect")

    async def _reconnect(self, lost: SessionLost) -> None:
        failure = await self._restore.restore(lost)
        if failure is not None:
            self._gave_up(failure)
        elif self._progress.is_in(CallState.RECONNECTING):
            self._progress.move(CallEvent.SESSION_READY)
            self._done()

    def typed(self, text: str) -> None:
        """The caller typed a turn; in a gap it waits for the session to come."""
        if self._link.is_gap:
            self._typed.append(text)
        else:
            self._dialogue.typed(text)

    def _done(self) -> None:
        self._start(self._handover.keep_warm(), "warm sessions")
        self._dialogue.display.show_turn()
        for text in self._take_typed():
            self._dialogue.typed(text)
        self._settled()

    def end(self) -> None:
        """The call ends: turns that no session took are kept all the same."""
        for text in self._take_typed():
            self._dialogue.enter_typed(text)

    def _take_typed(self) -> list[str]:
        texts, self._typed = self._typed, []
        return texts
