"""Who speaks in a call: the first agent, handovers, and the same agent on a new session.

All three open or reconfigure a session for an agent as it is stored now. A handover is done in
place when the session can become the other agent, else by a new session with the conversation
replayed (core.handover.plan_handover). If it fails, the old agent stays and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from agentvoice.config import CallSettings
from agentvoice.core.engine import SessionConfig
from agentvoice.core.handover import HandoverPlan, check_handover, plan_handover, speaker_of
from agentvoice.core.ports import Clock, SpeechEngine, SpeechSession
from agentvoice.core.reconnect import MAX_RECONNECTS, ReconnectBudget, reconnect_delay_s
from agentvoice.core.speech import (
    Configure,
    CreateItem,
    SendToolResult,
    SessionLost,
    ToolCallRequested,
)
from agentvoice.errors import AgentVoiceError, EngineUnavailable, SessionExpired, TimedOut
from agentvoice.protocols.tool_answers import encode_tool_answer
from agentvoice.services.call_record import CallRecord
from agentvoice.services.cast import Cast
from agentvoice.services.closing import close_within_limit
from agentvoice.services.dialogue import Dialogue
from agentvoice.services.session_link import SessionLink

log = structlog.get_logger(__name__)

BYTE_VALUES = 256


class CallHandover:
    """Puts agents into the sessions of one call.

    `forced_engine`: the engine named for this call; "" leaves it to each agent's own order.
    """

    def __init__(
        self,
        cast: Cast,
        engines: Mapping[str, SpeechEngine],
        forced_engine: str,
        link: SessionLink,
        dialogue: Dialogue,
        record: CallRecord,
        clock: Clock,
        settings: CallSettings,
    ) -> None:
        self._cast = cast
        self._engines = engines
        self._forced_engine = forced_engine
        self._link = link
        self._dialogue = dialogue
        self._record = record
        self._clock = clock
        self._settings = settings
        self._config: SessionConfig | None = None
        self._budget = ReconnectBudget()
        self._changing = asyncio.Lock()
        """Held by who puts another session into the link: a handover, or the restoring of a lost one."""

    async def begin(self, slug: str) -> None:
        """Open the call's first session; raises what kept every engine of the agent from it."""
        revision, config = await self._cast.config_of(slug)
        engine, session = await self._open(config)
        self._config = config
        self._join(engine, session)
        self._record.agent_joined(revision, engine.name)
        self._dialogue.agent_changed(config.agent)

    def greet(self) -> None:
        """Let the first agent greet, if its profile says so; else it waits for the caller."""
        if self._config is not None and self._config.agent.greeting:
            self._dialogue.respond(self._config.agent.greeting)

    async def switch(self, slug: str, tool: ToolCallRequested | None) -> AgentVoiceError | None:
        """Hand over to `slug`; return why it failed, if it did. `tool`: the call that asked."""
        async with self._changing:
            return await self._switch(slug, tool)

    async def _switch(self, slug: str, tool: ToolCallRequested | None) -> AgentVoiceError | None:
        assert self._config is not None  # the call is live
        old = self._config
        asked_at_s = self._clock.monotonic_s()
        try:
            check_handover(slug, old.agent, old.targets)
            revision, config = await self._cast.config_of(slug)
            if tool is None:
                self._dialogue.interrupt()
            fresh = await self._prepare(old, config)
        except AgentVoiceError as failure:
            self._release()
            return self.stay(failure, tool)
        if fresh is None:
            self._link.send(Configure(config))
        else:
            await self._leave_for(fresh[1])
        self._config = config
        self._dialogue.handed_over(config.agent, asked_at_s)
        if tool is not None:
            self._answer(tool, {"ok": True, "agent": slug}, is_same_session=fresh is None)
        if fresh is not None:
            self._join(*fresh)
        self._record.agent_joined(revision, self._engine_now())
        self._dialogue.respond(config.agent.greeting)
        return None

    async def _prepare(
        self, old: SessionConfig, config: SessionConfig
    ) -> tuple[SpeechEngine, SpeechSession] | None:
        """Open a session for the new agent, or return None if the one there can become it."""
        engine, session = self._link.engine, self._link.session
        if engine is not None and session is not None:
            plan = plan_handover(
                speaker_of(old.agent, engine.name),
                speaker_of(config.agent, self._engine_names(config)[0]),
                session.capabilities,
                has_spoken=self._dialogue.has_spoken,
            )
            if plan is HandoverPlan.IN_PLACE:
                return None
        self._link.hold()  # what the caller says meanwhile is meant for the new agent
        return await self._open(config)

    async def _leave_for(self, fresh: SpeechSession) -> None:
        """Leave the joined session once its last words are heard; what it left open is finished."""
        try:
            await self._played_out()
            await self._link.leave()
        except BaseException:  # the call ends meanwhile: nobody will join the fresh one
            await close_within_limit(self._clock, "session", fresh.close)
            raise
        self._dialogue.cut_everything()

    async def restore(self, lost: SessionLost) -> AgentVoiceError | None:
        """Open a new session for the same agent; return why it failed for good, if it did.

        A handover that runs goes first: when it has joined a session, there is nothing to restore.
        """
        async with self._changing:
            return None if self._link.session is not None else await self._restore(lost)

    async def _restore(self, lost: SessionLost) -> AgentVoiceError | None:
        assert self._config is not None  # only an open session can be lost
        owes_reply = self._dialogue.owes_reply
        await self._link.leave()
        failure: AgentVoiceError = SessionExpired(lost.reason)
        if not self._budget.take(self._clock.monotonic_s()):
            return SessionExpired(f"{lost.reason}; {MAX_RECONNECTS} sessions were lost before it")
        attempt = 0
        while lost.retryable or lost.expired:
            delay_s = reconnect_delay_s(attempt, self._clock.random_bytes(1)[0] / BYTE_VALUES)
            if delay_s is None:
                break
            await self._clock.sleep_until(self._clock.monotonic_s() + delay_s)
            try:
                engine, session = await self._open(self._config)
            except AgentVoiceError as error:
                failure = error
                if not error.retryable:
                    break
                attempt += 1
                continue
            await self._leave_for(session)
            self._join(engine, session)
            if owes_reply:  # the caller's last words are in the replay, unanswered
                self._dialogue.respond()
            return None
        return failure

    def _release(self) -> None:
        self._dialogue.audio_appended(self._link.release())
        if self._link.gap_lost_ms:
            self._dialogue.notice(f"{self._link.gap_lost_ms} ms of the caller's sound were lost.")
            self._record.audio_lost(self._link.gap_lost_ms)
            self._link.gap_lost_ms = 0

    async def _played_out(self) -> None:
        """Let the caller hear what the old session said to its end, within a limit."""
        try:
            async with self._clock.deadline(self._settings.goodbye_timeout_s):
                await self._dialogue.played_out()
        except TimedOut:
            log.warning("old_reply_cut", limit_s=self._settings.goodbye_timeout_s)

    def _engine_names(self, config: SessionConfig) -> tuple[str, ...]:
        return (self._forced_engine,) if self._forced_engine else config.agent.engines

    async def _open(self, config: SessionConfig) -> tuple[SpeechEngine, SpeechSession]:
        """Open a session on the first of the agent's engines that has one to give."""
        failure: AgentVoiceError | None = None
        for name in self._engine_names(config):
            engine = self._engines.get(name)
            if engine is None:
                failure = EngineUnavailable(
                    f"engine {name}: it is not set up; want one of {', '.join(self._engines)}"
                )
                continue
            try:
                async with self._clock.deadline(self._settings.connect_timeout_s):
                    return engine, await engine.open(config)
            except AgentVoiceError as error:
                log.warning("engine_failed", engine=name, error=str(error))
                failure = error
        assert failure is not None  # an agent has at least one engine (core.agent.check_agent)
        raise failure

    def _join(self, engine: SpeechEngine, session: SpeechSession) -> None:
        """Join a session that knows nothing yet: the conversation as it is now, then what was kept."""
        self._dialogue.join_session(aligned=session.capabilities.aligned_transcript)
        self._link.join(engine, session)
        for item in self._dialogue.conversation.items:
            if item.is_finished:
                self._link.send(CreateItem(item))
        self._release()

    def _engine_now(self) -> str:
        return self._link.engine.name if self._link.engine else ""

    def stay(self, failure: AgentVoiceError, tool: ToolCallRequested | None) -> AgentVoiceError:
        """The old agent stays: the caller is told, and the agent says so if it had asked."""
        self._dialogue.notice(f"The handover failed: {failure}")
        if tool is not None:
            self.refuse_tool(tool, str(failure))
        return failure

    def turn_down(self, tool: ToolCallRequested, reason: str) -> None:
        """Tell the model that its tool call failed; what is spoken next comes from elsewhere."""
        self._answer(tool, {"ok": False, "error": reason})

    def refuse_tool(self, tool: ToolCallRequested, reason: str) -> None:
        """Tell the model that its tool call failed, and let it speak on."""
        self.turn_down(tool, reason)
        self._dialogue.respond()

    def _answer(
        self, tool: ToolCallRequested, answer: dict[str, object], *, is_same_session: bool = True
    ) -> None:
        """Answer a tool call; a new session gets call and answer with the conversation instead."""
        output = encode_tool_answer(answer)
        if is_same_session:
            self._link.send(SendToolResult(tool.tool_ref, output))
        self._dialogue.tool_answered(tool, output)
