"""Who speaks in a call: the first agent, and handovers.

Both open or reconfigure a session for an agent as it is stored now. A handover is done in place when
the session can become the other agent, else by a new session with the conversation replayed
(core.handover.plan_handover). If it fails, the old agent stays and says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from agentvoice.core.agent import AgentProfile
from agentvoice.core.engine import HandoverTarget, SessionConfig
from agentvoice.core.handover import HandoverPlan, check_handover, plan_handover, speaker_of
from agentvoice.core.ports import Clock
from agentvoice.core.speech import Configure, SendToolResult, ToolCallRequested
from agentvoice.errors import AgentVoiceError
from agentvoice.protocols.tool_answers import encode_tool_answer
from agentvoice.services.call_record import CallRecord
from agentvoice.services.call_sessions import CallSessions
from agentvoice.services.cast import Cast
from agentvoice.services.closing import close_within_limit
from agentvoice.services.session_opening import OpenSession

log = structlog.get_logger(__name__)


class CallHandover:
    """Puts agents into the sessions of one call."""

    def __init__(self, cast: Cast, sessions: CallSessions, record: CallRecord, clock: Clock) -> None:
        self._cast = cast
        self._sessions = sessions
        self._link = sessions.link
        self._dialogue = sessions.dialogue
        self._record = record
        self._clock = clock

    @property
    def agent(self) -> AgentProfile:
        """The agent that the joined session is."""
        assert self._sessions.config is not None  # a session was joined
        return self._sessions.config.agent

    async def begin(self, slug: str) -> None:
        """Open the call's first session; raises what kept every engine of the agent from it."""
        revision, config = await self._cast.config_of(slug)
        fresh = await self._sessions.open(config)
        self._sessions.join(config, fresh)
        self._record.agent_joined(revision, fresh.engine.name)
        self._dialogue.agent_changed(config.agent)
        self._tell_fallback(config, fresh)

    def _tell_fallback(self, config: SessionConfig, fresh: OpenSession) -> None:
        """Say so if the agent speaks by another engine than the one its profile prefers."""
        preferred = self._sessions.preferred_engine(config)
        if fresh.engine.name != preferred:
            self._dialogue.notice(f"The engine {preferred} is not available; {fresh.engine.name} answers.")

    def greet(self) -> None:
        """Let the first agent greet, if its profile says so; else it waits for the caller."""
        config = self._sessions.config
        if config is not None and config.agent.greeting:
            self._dialogue.respond(config.agent.greeting)

    async def switch(self, slug: str, tool: ToolCallRequested | None) -> AgentVoiceError | None:
        """Hand over to `slug`; return why it failed, if it did. `tool`: the call that asked."""
        async with self._sessions.changing:
            return await self._switch(slug, tool)

    async def _switch(self, slug: str, tool: ToolCallRequested | None) -> AgentVoiceError | None:
        old = self._sessions.config
        assert old is not None  # the call is live
        asked_at_s = self._clock.monotonic_s()
        try:
            check_handover(slug, old.agent, old.targets)
            revision, config = await self._cast.config_of(slug)
            if tool is None:
                self._dialogue.interrupt()
            fresh = await self._prepare(old, config)
        except AgentVoiceError as failure:
            self._sessions.release()
            return self.stay(failure, tool)
        if fresh is None:
            self._link.send(Configure(config))
            self._sessions.config = config
        else:
            await self._sessions.leave_for(fresh)
        self._dialogue.handed_over(config.agent, asked_at_s)
        if tool is not None:
            self._answer(tool, {"ok": True, "agent": slug}, is_same_session=fresh is None)
        if fresh is not None:
            self._sessions.join(config, fresh)
            self._tell_fallback(config, fresh)
        self._record.agent_joined(revision, self._sessions.engine_name)
        self._dialogue.respond(config.agent.greeting)
        return None

    async def _prepare(self, old: SessionConfig, config: SessionConfig) -> OpenSession | None:
        """Open a session for the new agent, or return None if the one there can become it."""
        if self._plan(old, config, has_spoken=self._dialogue.has_spoken) is HandoverPlan.IN_PLACE:
            return None
        self._link.hold()  # what the caller says meanwhile is meant for the new agent
        fresh = await self._sessions.open(config)
        try:
            await self._sessions.words_settled()
        except BaseException:  # the call ends meanwhile: nobody will join the fresh one
            await close_within_limit(self._clock, "session", fresh.session.close)
            raise
        return fresh

    def _plan(self, old: SessionConfig, config: SessionConfig, *, has_spoken: bool) -> HandoverPlan:
        engine, session = self._link.engine, self._link.session
        if engine is None or session is None:
            return HandoverPlan.NEW_SESSION
        return plan_handover(
            speaker_of(old.agent, engine.name),
            speaker_of(config.agent, self._sessions.engines_of(config)[0]),
            session.capabilities,
            has_spoken=has_spoken,
        )

    async def keep_warm(self) -> None:
        """Keep sessions ready for the agents that cannot take over the running one."""
        config = self._sessions.config
        if config is None or not self._sessions.warm.is_on:
            return
        self._sessions.warm.want(await self._needing_sessions(config, config.targets))

    async def _needing_sessions(
        self, now: SessionConfig, targets: Sequence[HandoverTarget]
    ) -> list[tuple[str, SessionConfig]]:
        needing: list[tuple[str, SessionConfig]] = []
        for target in targets:
            try:
                _, config = await self._cast.config_of(target.slug)
            except AgentVoiceError:
                continue  # removed or disabled since: its handover will say so
            if self._plan(now, config, has_spoken=True) is HandoverPlan.NEW_SESSION:
                needing.append((self._sessions.engines_of(config)[0], config))
        return needing

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
