"""The same agent on another session: after a loss, before the provider's limit, on the next engine.

A lost session is tried again by core.reconnect's plan; an engine that cannot be had again, or that
refuses for good (account, key), is followed by the agent's next one, and the caller is told. A
session that nears its provider's limit is replaced at a quiet moment, without a gap.
"""

from __future__ import annotations

import math

import structlog

from agentvoice.config import CallSettings
from agentvoice.core.engine import SessionConfig
from agentvoice.core.ports import Clock
from agentvoice.core.reconnect import ReconnectBudget, ReconnectPlan, reconnect_delay_s
from agentvoice.core.speech import SessionLost
from agentvoice.errors import AgentVoiceError, ConnectionLost, EngineUnavailable, SessionExpired
from agentvoice.services.call_record import CallRecord
from agentvoice.services.call_sessions import CallSessions
from agentvoice.services.closing import close_within_limit
from agentvoice.services.session_opening import OpenSession

log = structlog.get_logger(__name__)

BYTE_VALUES = 256

LOOK_S = 0.25
"""How often a quiet moment is looked for."""

LOOK_AGAIN_S = 30.0
"""The longest sleep of who watches a session's age: another one may be joined meanwhile."""

ROLLOVER_AGAIN_S = 10.0
"""Wait after a new session could not be opened while the old one still serves."""


def reconnect_plan(settings: CallSettings) -> ReconnectPlan:
    """Return the plan that the settings name."""
    return ReconnectPlan(
        settings.reconnect_retries, settings.reconnect_first_s, settings.max_reconnects_per_10_min
    )


class CallRestore:
    """Keeps one call's agent in a session."""

    def __init__(
        self, sessions: CallSessions, record: CallRecord, clock: Clock, settings: CallSettings
    ) -> None:
        self._sessions = sessions
        self._record = record
        self._clock = clock
        self._settings = settings
        self._plan = reconnect_plan(settings)
        self._budget = ReconnectBudget(self._plan)

    # A session is lost.

    async def restore(self, lost: SessionLost) -> AgentVoiceError | None:
        """Open a new session for the same agent; return why it failed for good, if it did.

        A handover that runs goes first: when it has joined a session, there is nothing to restore.
        """
        async with self._sessions.changing:
            return None if self._sessions.link.session is not None else await self._restore(lost)

    async def _restore(self, lost: SessionLost) -> AgentVoiceError | None:
        config = self._sessions.config
        assert config is not None  # only an open session can be lost
        owes_reply = self._sessions.dialogue.owes_reply
        self._sessions.link.part()
        failed_name = self._sessions.engine_name
        try:
            fresh = await self._reopen(config, failed_name, lost)
        except AgentVoiceError as failure:
            try:
                fresh = await self._fall_back(config, failed_name, failure)
            except AgentVoiceError as last:
                return last
        await self._replace(config, fresh, owes_reply=owes_reply)
        return None

    async def _reopen(self, config: SessionConfig, engine: str, lost: SessionLost) -> OpenSession:
        """Try the lost session's engine by the plan; raises why it is given up."""
        if not (lost.retryable or lost.expired):
            raise EngineUnavailable(lost.reason)
        if not self._budget.take(self._clock.monotonic_s()):
            lost_before = self._plan.max_in_window
            raise SessionExpired(f"{lost.reason}; {lost_before} sessions were lost before it")
        attempt = 0
        failure: AgentVoiceError = ConnectionLost(lost.reason)
        while True:
            jitter = self._clock.random_bytes(1)[0] / BYTE_VALUES
            delay_s = reconnect_delay_s(attempt, jitter, self._plan)
            if delay_s is None:
                raise failure
            await self._clock.sleep_until(self._clock.monotonic_s() + delay_s)
            try:
                return await self._sessions.open(config, (engine,))
            except AgentVoiceError as error:
                failure = error
                if not error.retryable:
                    raise
                attempt += 1

    async def _fall_back(self, config: SessionConfig, failed: str, failure: AgentVoiceError) -> OpenSession:
        """Open a session on another of the agent's engines, and tell the caller; raises why there is none."""
        others = tuple(name for name in self._sessions.engines_of(config) if name != failed)
        if not others:
            raise failure
        fresh = await self._sessions.open(config, others)
        text = f"The engine {failed} failed ({failure}). The call goes on with {fresh.engine.name}."
        log.warning("engine_replaced", failed=failed, engine=fresh.engine.name, error=str(failure))
        self._record.engine_changed(fresh.engine.name)
        self._sessions.dialogue.notice(text)
        return fresh

    async def _replace(self, config: SessionConfig, fresh: OpenSession, *, owes_reply: bool) -> None:
        await self._sessions.leave_for(fresh)
        is_said_again = self._sessions.join(config, fresh)
        if owes_reply and not is_said_again:  # the caller's last words are in the replay, unanswered
            self._sessions.dialogue.respond()

    # A session grows old.

    async def roll_over(self) -> None:
        """Replace each session before its provider ends it, for as long as the call lasts."""
        while True:
            wait_s = min(max(LOOK_S, self._due_in_s()), LOOK_AGAIN_S)
            await self._clock.sleep_until(self._clock.monotonic_s() + wait_s)
            if self._due_in_s() <= 0 and self._is_quiet() and not await self._roll_over():
                await self._clock.sleep_until(self._clock.monotonic_s() + ROLLOVER_AGAIN_S)

    def _due_in_s(self) -> float:
        """Seconds until the joined session should be replaced; none joined, or without a limit: never."""
        session = self._sessions.link.session
        if session is None or not session.capabilities.max_session_s:
            return math.inf
        limit_s = session.capabilities.max_session_s
        # Half of a short limit at most, or a session would be due as soon as it is opened.
        margin_s = min(self._settings.rollover_margin_s, limit_s / 2)
        return self._sessions.opened_at_s + limit_s - margin_s - self._clock.monotonic_s()

    def _is_quiet(self) -> bool:
        return not self._sessions.changing.locked() and self._sessions.is_quiet

    async def _roll_over(self) -> bool:
        """Open a new session while the old one serves, then move; return whether one could be had."""
        config, engine = self._sessions.config, self._sessions.engine_name
        assert config is not None  # a session is joined
        async with self._sessions.changing:
            old = self._sessions.link.session
            try:
                fresh = await self._sessions.open(config, (engine,))
            except AgentVoiceError as error:
                log.warning("rollover_failed", engine=engine, error=str(error))
                return False
            try:
                while old is self._sessions.link.session and not self._sessions.is_quiet:
                    await self._clock.sleep_until(self._clock.monotonic_s() + LOOK_S)
            except BaseException:  # the call ends meanwhile: nobody will join the fresh one
                await close_within_limit(self._clock, "session", fresh.session.close)
                raise
            self._record.happened("session_rolled_over", engine)
            await self._replace(config, fresh, owes_reply=self._sessions.dialogue.owes_reply)
        return True
