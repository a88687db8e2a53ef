"""The link between a call and the speech session it uses now; a call may use several.

While no session is joined (hand-over by new session, reconnect) the caller's sound is kept, the
newest up to a bound, and given to the next session. So is the sound that the last session was given
and had not made into words yet (core.caller_tail): a sentence is whole though its session is lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from agentvoice.core.audio import AudioChunk
from agentvoice.core.caller_tail import CallerTail
from agentvoice.core.ports import Clock, SpeechEngine, SpeechSession
from agentvoice.core.speech import (
    AppendAudio,
    CancelResponse,
    ResponseEnded,
    ResponseStarted,
    SessionLost,
    SessionReady,
    SpeechCommand,
    SpeechEvent,
    UsageReported,
)
from agentvoice.errors import TimedOut
from agentvoice.services.closing import close_within_limit

log = structlog.get_logger(__name__)

BILL_WAIT_S = 1.0
"""How long a session that is left may take to tell what its unfinished reply used."""


class SessionLink:
    """At most one joined session; its events go to `on_event` until another is joined."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        on_event: Callable[[SpeechEvent], None],
        clock: Clock,
        gap_bound_ms: int,
    ) -> None:
        self.engine: SpeechEngine | None = None
        self.gap_lost_ms = 0
        """Sound of the caller that fell out of the full gap buffer."""
        self.wordless_turn = ""
        """Ref of the last session's turn that never became words; its sound goes to the next one."""
        self._group = group
        self._on_event = on_event
        self._clock = clock
        self._gap_bound_ms = gap_bound_ms
        self._session: SpeechSession | None = None
        self._pump: asyncio.Task[None] | None = None
        # Left, and not known to be closed yet; the reader of one that still owes a reply's bill.
        self._left: list[tuple[SpeechSession, asyncio.Task[None] | None]] = []
        self._reply = ""  # being made by the joined session
        self._tail = CallerTail()
        self._before_gap: tuple[AudioChunk, ...] = ()
        self._gap: deque[AudioChunk] = deque()
        self._gap_ms = 0
        self._is_holding = False

    @property
    def session(self) -> SpeechSession | None:
        """The session that is joined, None in a gap."""
        return self._session

    @property
    def is_gap(self) -> bool:
        """Whether what the caller says now is meant for a session to come."""
        return self._session is None or self._is_holding

    def send(self, command: SpeechCommand) -> None:
        """Give a command to the joined session; in a gap there is nobody to take it."""
        if self._session is not None:
            self._session.send(command)

    def append(self, chunk: AudioChunk) -> bool:
        """Pass the caller's sound on; return False if it was kept for the next session."""
        if self._session is not None and not self.is_gap:
            self._give(self._session, chunk)
            return True
        self._gap.append(chunk)
        self._gap_ms += chunk.duration_ms
        while self._gap_ms > self._gap_bound_ms:
            dropped = self._gap.popleft().duration_ms
            self._gap_ms -= dropped
            self.gap_lost_ms += dropped
        return False

    def hold(self) -> None:
        """Keep the caller's sound from now on: it is meant for the session to come."""
        self._is_holding = True

    def _give(self, session: SpeechSession, chunk: AudioChunk) -> None:
        self._tail.appended(chunk)
        session.send(AppendAudio(chunk))

    def release(self) -> int:
        """Give the kept sound to the joined session, if there is one; return its ms."""
        self._is_holding = False
        if self._session is None:
            return 0
        kept = (*self._before_gap, *self._gap)
        self._before_gap = ()
        self._gap.clear()
        self._gap_ms = 0
        for chunk in kept:
            self._give(self._session, chunk)
        self._on_event(SessionReady(""))  # a warm session told it long ago, and to nobody
        return sum(chunk.duration_ms for chunk in kept)

    def take_turns(self, *, manual: bool) -> None:
        """Whether the caller's turns are ended by us (manual) or found by the session."""
        self._tail.has_manual_turns = manual

    def join(self, engine: SpeechEngine, session: SpeechSession) -> None:
        """Make `session` the call's session; the one before must have been left."""
        self.engine = engine
        self._session = session
        self._pump = self._group.create_task(self._read(session), name="session events")

    def lose(self) -> None:
        """The joined session is gone: nothing goes to it any more, the caller's sound is kept."""
        if self._session is not None:
            self._left.append((self._session, None))
            self.wordless_turn = self._tail.turn_ref
            self._before_gap = self._tail.take()
        self._session = self._pump = None
        self._reply = ""

    def part(self) -> None:
        """Leave the joined session without waiting: the next one need not wait for its goodbye."""
        self._let_go()
        if self._left:
            self._group.create_task(self._close_left(), name="close session")

    async def leave(self) -> None:
        """Close the joined session; the caller's sound is kept from now on.

        One whose closing was cut off (the caller hung up) is closed by the next to leave.
        """
        self._let_go()
        await self._close_left()

    def _let_go(self) -> None:
        session, pump, reply = self._session, self._pump, self._reply
        self.lose()
        if session is None or pump is None or pump is asyncio.current_task():
            return
        if reply:  # what was made of it is billed, and told at its end
            session.send(CancelResponse(reply))
            self._left[-1] = (session, pump)
        else:
            pump.cancel()

    async def _close_left(self) -> None:
        while self._left:
            left = self._left[-1]
            session, reader = left
            if reader is not None:
                await self._hear_bill(reader)
            await close_within_limit(self._clock, "session", session.close)
            self._left = [other for other in self._left if other is not left]

    async def _hear_bill(self, reader: asyncio.Task[None]) -> None:
        try:
            async with self._clock.deadline(BILL_WAIT_S):
                await asyncio.wait({reader})
        except TimedOut:
            log.warning("bill_missing", limit_s=BILL_WAIT_S)
        finally:
            reader.cancel()

    async def _read(self, session: SpeechSession) -> None:
        async for event in session.events():
            if self._session is not session:  # it was left: only what it bills still counts
                if isinstance(event, UsageReported):
                    self._on_event(event)
                elif isinstance(event, ResponseEnded | SessionLost):
                    return
                continue
            self._note(event)
            self._on_event(event)
            if isinstance(event, SessionLost):
                return
        if self._session is session:
            self._on_event(SessionLost("the session ended without a word"))

    def _note(self, event: SpeechEvent) -> None:
        self._tail.told(event)
        if isinstance(event, ResponseStarted):
            self._reply = event.response
        elif isinstance(event, ResponseEnded):
            self._reply = ""
