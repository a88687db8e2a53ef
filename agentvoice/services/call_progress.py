"""Where a call stands: its state machine (core.call), kept in the record as it moves."""

from __future__ import annotations

import asyncio

from agentvoice.core.call import CallEvent, CallState, EndReason, next_call_state
from agentvoice.services.call_record import CallRecord


class CallProgress:
    """The state of one call and, once it was asked to end, why."""

    def __init__(self, record: CallRecord) -> None:
        self.state = CallState.CONNECTING
        self.reason: EndReason | None = None
        self._record = record
        self._ended = asyncio.Event()

    def move(self, event: CallEvent) -> None:
        """Take a step; raises InvalidTransition where the table has none."""
        state = next_call_state(self.state, event)
        if state is not self.state:
            self.state = state
            self._record.state(state)

    def is_in(self, state: CallState) -> bool:
        """Whether the call is in `state` now (it may have moved while something was awaited)."""
        return self.state is state

    def end(self, reason: EndReason) -> None:
        """The call is to end; the first reason counts."""
        if self.reason is None:
            self.reason = reason
            self.move(CallEvent.END_REQUESTED)
            self._ended.set()

    async def wait_for_end(self) -> None:
        """Wait until the call is to end."""
        await self._ended.wait()
