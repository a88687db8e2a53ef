"""When the caller may speak next: follows what the call shows to a leg that takes turns by itself."""

from __future__ import annotations

import asyncio
import math

from agentvoice.core.leg import CallStatus
from agentvoice.core.ports import Clock

GREETING_SETTLE_S = 0.5
"""A call that only listens for so long after it was answered has no greeting to wait for."""

REPLY_SETTLE_S = 0.3
"""Between a reply and a handover, or two replies, the call may listen for a moment."""

_NOBODY_THERE = frozenset({CallStatus.CONNECTING, CallStatus.RECONNECTING})


class ReplyWatch:
    """One caller's wait for replies.

    A reply is over when the call has listened for the settle time. A wait gives up when for
    `reply_timeout_s` nothing of a reply was heard; while the call connects the limit stands still,
    since nobody is there to talk to (the call has limits of its own for that).
    """

    def __init__(self, clock: Clock, reply_timeout_s: float) -> None:
        self._clock = clock
        self._reply_timeout_s = reply_timeout_s
        self._status = CallStatus.CONNECTING
        self._listening_since_s = 0.0
        self._limit_s = 0.0
        self._changed = asyncio.Event()
        self.is_owed = False
        """Whether the caller has spoken and no reply has ended since."""

    @property
    def has_ended(self) -> bool:
        """Whether the call is over."""
        return self._status is CallStatus.ENDED

    def caller_spoke(self) -> None:
        """The caller says something that wants a reply."""
        self.is_owed = True

    def show_status(self, status: CallStatus) -> None:
        """The call shows what it does."""
        if status is CallStatus.LISTENING and status is not self._status:
            self._listening_since_s = self._clock.monotonic_s()
            self.is_owed = False
        if self._status in _NOBODY_THERE and status not in _NOBODY_THERE:
            self.begin_wait()
        self._status = status
        self._changed.set()

    def reply_heard(self) -> None:
        """Some of a reply was played: the limit starts anew."""
        self._limit_s = self._clock.monotonic_s() + self._reply_timeout_s

    def begin_wait(self) -> None:
        """The caller waits from now on."""
        self._limit_s = self._clock.monotonic_s() + self._reply_timeout_s

    def is_over(self, settle_s: float) -> bool:
        """Whether the wait has an end: the reply, the limit or the call is over."""
        now_s = self._clock.monotonic_s()
        return self.has_ended or now_s >= min(self._given_up_at_s, self._settled_at_s(settle_s))

    async def wait(self, settle_s: float) -> None:
        """Wait until the reply, the limit or the call is over."""
        self.begin_wait()
        while not self.is_over(settle_s):
            self._changed.clear()
            await self._wait_for_change(min(self._given_up_at_s, self._settled_at_s(settle_s)))

    @property
    def _given_up_at_s(self) -> float:
        return math.inf if self._status in _NOBODY_THERE else self._limit_s

    def _settled_at_s(self, settle_s: float) -> float:
        if self.is_owed or self._status is not CallStatus.LISTENING:
            return math.inf
        return self._listening_since_s + settle_s

    async def _wait_for_change(self, until_s: float) -> None:
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._changed.wait())]
        if until_s < math.inf:
            waits.append(asyncio.ensure_future(self._clock.sleep_until(until_s)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
