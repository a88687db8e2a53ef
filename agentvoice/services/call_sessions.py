"""The sessions of one call, one after the other: opened, joined with the conversation, left.

A session that is joined knows nothing yet: it gets the conversation as it is now, then the caller's
sound that was kept. Handovers (services.call_handover) and replacements of lost or old sessions
(services.call_restore) both go through here, one at a time (`changing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from agentvoice.config import CallSettings
from agentvoice.core.engine import SessionConfig
from agentvoice.core.ports import Clock
from agentvoice.core.speech import CommitInput, CreateItem
from agentvoice.core.turn_policy import turn_policy_of
from agentvoice.core.turn_taking import Turn
from agentvoice.errors import TimedOut
from agentvoice.services.call_record import CallRecord
from agentvoice.services.closing import close_within_limit
from agentvoice.services.dialogue import Dialogue
from agentvoice.services.session_link import SessionLink
from agentvoice.services.session_opening import OpenSession
from agentvoice.services.warm_sessions import SessionSupply, StartTask, WarmSessions

log = structlog.get_logger(__name__)

WORDS_S = 2.0
"""How long a handover waits for the transcript of the words that asked for it."""

LOOK_S = 0.05
"""How often it looks."""


class CallSessions:
    """`start` runs a task of the call."""

    def __init__(
        self,
        supply: SessionSupply,
        link: SessionLink,
        dialogue: Dialogue,
        record: CallRecord,
        clock: Clock,
        settings: CallSettings,
        start: StartTask,
    ) -> None:
        self.link = link
        self.dialogue = dialogue
        self.warm = WarmSessions(supply, clock, settings, start, record.usage)
        self.config: SessionConfig | None = None
        """The agent that speaks, None before the first session is joined."""
        self.opened_at_s = 0.0
        """When the joined session was opened (monotonic)."""
        self.changing = asyncio.Lock()
        """Held by who puts another session into the link."""
        self._record = record
        self._engines = supply.engines
        self._forced_engine = supply.forced_engine
        self._clock = clock
        self._settings = settings

    @property
    def engine_name(self) -> str:
        """The engine of the session joined last, "" before the first."""
        return self.link.engine.name if self.link.engine else ""

    def preferred_engine(self, config: SessionConfig) -> str:
        """Return the engine that this agent speaks by when all are well."""
        return self._forced_engine or config.agent.engines[0]

    def engines_of(self, config: SessionConfig) -> tuple[str, ...]:
        """Return the engines that this agent may use in this call, in the order to try them now."""
        names = (self._forced_engine,) if self._forced_engine else config.agent.engines
        return self._engines.order(names)

    async def open(self, config: SessionConfig, names: Sequence[str] = ()) -> OpenSession:
        """Return a session of the agent: a warm one, or a new one on the first engine that has one.

        `names` are the engines to try; empty: the agent's own. Raises what the last failed with.
        """
        names = names or self.engines_of(config)
        warm = await self.warm.take(names[0], config)
        return warm or await self._engines.open(config, names, self._settings.connect_timeout_s)

    @property
    def is_quiet(self) -> bool:
        """Whether nobody speaks, nobody is about to, and all that was said is text."""
        dialogue = self.dialogue
        is_silent = dialogue.display.turn is Turn.LISTENING and dialogue.output.is_idle
        return is_silent and not dialogue.owes_reply and not dialogue.conversation.has_open_turn

    async def words_settled(self) -> None:
        """Wait a little for the words of what the caller said last: the next session needs them."""
        until_s = self._clock.monotonic_s() + WORDS_S
        while self.link.session is not None and self.dialogue.conversation.has_open_turn:
            now_s = self._clock.monotonic_s()
            if now_s >= until_s:
                return
            await self._clock.sleep_until(min(until_s, now_s + LOOK_S))

    async def leave_for(self, fresh: OpenSession) -> None:
        """Leave the joined session once its last words are heard; what it left open is finished."""
        try:
            await self._played_out()
        except BaseException:  # the call ends meanwhile: nobody will join the fresh one
            await close_within_limit(self._clock, "session", fresh.session.close)
            raise
        self.link.part()
        self.dialogue.cut_everything(self.link.wordless_turn)

    async def _played_out(self) -> None:
        """Let the caller hear what the old session said to its end, within a limit."""
        try:
            async with self._clock.deadline(self._settings.goodbye_timeout_s):
                await self.dialogue.played_out()
        except TimedOut:
            log.warning("old_reply_cut", limit_s=self._settings.goodbye_timeout_s)

    def join(self, config: SessionConfig, fresh: OpenSession) -> bool:
        """Join a session; return whether the caller's last turn is said to it again.

        That turn had not become words when its session went: the new one takes it for a turn that
        it has still to answer.
        """
        self.config = config
        self.opened_at_s = fresh.opened_at_s
        self.dialogue.join_session(aligned=fresh.session.capabilities.aligned_transcript)
        self.link.join(fresh.engine, fresh.session)
        is_manual = turn_policy_of(config.agent, fresh.engine.name).is_manual
        self.link.take_turns(manual=is_manual)
        for item in self.dialogue.conversation.items:
            if item.is_finished:
                self.link.send(CreateItem(item))
        is_said_again = bool(self.link.wordless_turn)
        self.link.wordless_turn = ""
        self.release()
        if is_said_again and is_manual:
            self.link.send(CommitInput())
            return False  # nobody else asks for the reply
        return is_said_again

    def release(self) -> None:
        """Give the caller's kept sound to the joined session; what was lost of it is told."""
        self.dialogue.audio_appended(self.link.release())
        if self.link.gap_lost_ms:
            self.dialogue.notice(f"{self.link.gap_lost_ms} ms of the caller's sound were lost.")
            self._record.audio_lost(self.link.gap_lost_ms)
            self.link.gap_lost_ms = 0
