"""Calls that outlive their caller's connection, and the keys by which their callers come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hmac import compare_digest

from agentvoice.errors import NotFound
from agentvoice.services.call_manager import CallManager, CallOutcome, CallRequest
from agentvoice.services.held_leg import HeldLeg, Line
from agentvoice.services.presence import Stay

KEY_BYTES = 16


class HeldCall:
    """One call. It runs in a task of its own: the one that serves its first connection ends with that.

    `stay` is its caller's, connected or not, from the moment the call has begun.
    """

    def __init__(self, leg: HeldLeg, key: str, caller: str) -> None:
        self.leg = leg
        self.key = key
        self.caller = caller
        self.call_id = ""
        self.stay: Stay | None = None
        self.task: asyncio.Task[CallOutcome]

    async def follow(self, line: Line, lost_ms: int | None = None) -> CallOutcome | None:
        """Join `line` to the call (HeldLeg.attach); return how the call ended, None once the line is gone.

        Raises what CallManager.run raises before there is a call.
        """
        gone = asyncio.ensure_future(self.leg.attach(line, lost_ms).wait())
        try:
            await asyncio.wait({self.task, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        return self.task.result() if self.task.done() else None


class HeldCalls:
    """The held calls of one server."""

    def __init__(self, calls: CallManager) -> None:
        self._calls = calls
        self._held: dict[str, HeldCall] = {}
        self._tasks: set[asyncio.Task[CallOutcome]] = set()

    def begin(self, request: CallRequest, transport: str, started: Callable[[str, str], None]) -> HeldCall:
        """Begin a call; `started` is told its id and key. Its first line is joined by `follow`."""
        clock = self._calls.clock
        leg, key = HeldLeg(transport, clock, self._calls.hold_s), clock.random_bytes(KEY_BYTES).hex()
        held = HeldCall(leg, key, request.caller)

        def is_started(call_id: str) -> None:
            held.call_id = call_id
            self._held[call_id] = held
            started(call_id, held.key)

        held.task = asyncio.get_running_loop().create_task(
            self._calls.run(request, held.leg, is_started), name="held call"
        )
        self._tasks.add(held.task)
        held.task.add_done_callback(lambda task: self._forget(held))
        return held

    def _forget(self, held: HeldCall) -> None:
        self._tasks.discard(held.task)
        self._held.pop(held.call_id, None)
        if held.stay is not None:
            held.stay.leave()
        if not held.task.cancelled():
            held.task.exception()  # seen: whoever asked may be gone before the refusal came

    def find(self, call_id: str, key: str, caller: str) -> HeldCall:
        """Return a call whose caller is back. Raises NotFound; it does not say what was wrong."""
        held = self._held.get(call_id)
        is_known = held is not None and compare_digest(held.key.encode(), key.encode())
        if held is None or not is_known or held.caller != caller or held.leg.is_over:
            raise NotFound(f"call {call_id[:80]!r}: it is not held here, or has another key or caller")
        return held

    async def close(self) -> None:
        """Cut off what still runs: the server stops."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
