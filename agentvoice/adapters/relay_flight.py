"""The events in flight on one connection: how many may be, and whose the relay's answers are.

An OK names its event, but some relays leave the name empty. So a connection begins with one event
at a time and widens its window only after the relay has answered with a right name. An answer that
could be several events' is nobody's: all of them are sent again, one at a time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum

from agentvoice.core.ports import RelayAnswer
from agentvoice.errors import ConnectionLost, TransportError

MAX_IN_FLIGHT = 64
"""Enough to fill the way to a relay at 100 ms and 600 events a second; few to send again."""

CAREFUL_ANSWERS = 64
"""After trouble the window opens only after as many right answers as events can have been in trouble."""


class Again(Enum):
    """Why an event without an answer should be sent again on another connection."""

    ALONE = "alone"
    """It was in flight with others when an answer without name came, or when the relay hung up."""
    UNSENT = "unsent"
    """The connection ended before its turn came."""


Outcome = RelayAnswer | Again
_Answered = asyncio.Future[Outcome]


class Flight:
    """Made for each connection; `is_careful` after trouble with the one before."""

    def __init__(self, relay: str, *, is_careful: bool) -> None:
        self._relay = relay
        self._window = 1
        self._missing_answers = CAREFUL_ANSWERS if is_careful else 1
        self._in_flight: dict[str, _Answered] = {}
        self._turns_taken = 0
        self._queue: deque[asyncio.Future[Again | None]] = deque()
        self._end: TransportError | Again | None = None
        self.notice = ""
        """The relay's newest words to people since an event was sent."""
        self.is_notice_shared = False
        """Whether several events were in flight when they came."""

    def __len__(self) -> int:
        return len(self._in_flight)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in flight and nobody waits."""
        return not self._turns_taken and not self._queue

    async def take_turn(self, *, is_first: bool = False) -> Again | None:
        """Wait until an event may be sent, in order, `is_first` before all others; `give_turn` must follow.

        Returns UNSENT, with no turn taken, if the connection ends first; raises the TransportError
        that ended it if sending elsewhere would not help.
        """
        if isinstance(self._end, TransportError):
            raise self._end
        if self._end is not None:
            return Again.UNSENT
        if (is_first or not self._queue) and self._turns_taken < self._window:
            self._turns_taken += 1
            return None
        turn: asyncio.Future[Again | None] = asyncio.get_running_loop().create_future()
        if is_first:
            self._queue.appendleft(turn)
        else:
            self._queue.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None and turn.result() is None:
                self.give_turn()  # it came at the very moment we gave up
            raise

    def give_turn(self) -> None:
        """Let the next one have the turn."""
        self._turns_taken -= 1
        self._call_next()

    async def expect(self, event_id: str) -> _Answered:
        """Return the future of an event's answer; the same event in flight already is waited for first."""
        while event_id in self._in_flight:
            await asyncio.wait([self._in_flight[event_id]])
        if self._end is not None:
            raise ConnectionLost(f"{self._relay}: the connection is closed")
        if not self._in_flight:
            self.notice, self.is_notice_shared = "", False
        answered = self._in_flight[event_id] = asyncio.get_running_loop().create_future()
        return answered

    def forget(self, event_id: str) -> None:
        """No answer is waited for any more."""
        self._in_flight.pop(event_id, None)

    def take_ok(self, event_id: str, answer: RelayAnswer) -> bool:
        """Give an answer to its event; return False if it could be that of several."""
        if event_id:
            answered = self._in_flight.pop(event_id, None)
            if answered is not None and not answered.done():
                answered.set_result(answer)
                self._widen()
            return True
        if len(self._in_flight) > 1:
            return False
        for answered in self._in_flight.values():
            if not answered.done():
                answered.set_result(answer)
        self._in_flight.clear()
        return True

    def take_notice(self, words: str) -> None:
        """Keep the words: they may be all that comes."""
        self.notice = words
        self.is_notice_shared = len(self._in_flight) > 1

    def end(self, in_flight: TransportError | Outcome, waiting: TransportError | Again) -> None:
        """The connection is over: tell those in flight, and those whose turn has not come."""
        if self._end is not None:
            return
        self._end = waiting
        for answered in self._in_flight.values():
            if answered.done():  # its waiter has given up
                continue
            if isinstance(in_flight, TransportError):
                answered.set_exception(in_flight)
                answered.exception()  # marks it as seen: its waiter may have given up meanwhile
            else:
                answered.set_result(in_flight)
        self._in_flight.clear()
        for turn in self._queue:
            if turn.done():
                continue
            if isinstance(waiting, TransportError):
                turn.set_exception(waiting)
                turn.exception()
            else:
                turn.set_result(Again.UNSENT)
        self._queue.clear()

    def _widen(self) -> None:
        self._missing_answers -= 1
        if self._missing_answers == 0:
            self._window = MAX_IN_FLIGHT
            self._call_next()

    def _call_next(self) -> None:
        while self._queue and self._turns_taken < self._window:
            turn = self._queue.popleft()
            if not turn.done():
                self._turns_taken += 1
                turn.set_result(None)
