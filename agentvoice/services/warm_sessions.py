"""Warm sessions: opened before a handover asks for them, so that it need not wait for a connection.

Each live call keeps sessions ready for the agents it may be handed to and that cannot take over the
running session (core.handover.plan_handover). They are bounded over all calls, expire, and are
closed with their call. What one reports as used is booked to its call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from agentvoice.config import CallSettings
from agentvoice.core.engine import SessionConfig
from agentvoice.core.handover import Speaker, speaker_of
from agentvoice.core.ports import Clock
from agentvoice.core.speech import Configure, SessionLost, UsageReported
from agentvoice.errors import AgentVoiceError
from agentvoice.services.closing import close_within_limit
from agentvoice.services.session_opening import Engines, OpenSession

log = structlog.get_logger(__name__)

SECONDS_PER_MINUTE = 60

StartTask = Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]]


class WarmLimit:
    """How many warm sessions all calls of this process may have together."""

    def __init__(self, max_sessions: int) -> None:
        self.max_sessions = max_sessions
        self.count = 0

    def take(self) -> bool:
        """Take a place; return whether there was one."""
        if self.count >= self.max_sessions:
            return False
        self.count += 1
        return True

    def free(self) -> None:
        """Give a place back."""
        self.count -= 1


@dataclass(frozen=True, slots=True)
class SessionSupply:
    """Where a call's sessions come from. `forced_engine`: the engine named for this call; "" leaves it
    to each agent's own order.
    """

    engines: Engines
    warm_limit: WarmLimit
    forced_engine: str = ""


class _Warm:
    """A warm session, or one on its way. `keeper` is the task that holds it and its place."""

    def __init__(self) -> None:
        self.opened: OpenSession | None = None
        self.keeper: asyncio.Task[None] | None = None


class WarmSessions:
    """The warm sessions of one call, by the engine and model that a session is bound to.

    `start` runs a task of the call; `used` is told what a waiting session reports as used.
    """

    def __init__(
        self,
        supply: SessionSupply,
        clock: Clock,
        settings: CallSettings,
        start: StartTask,
        used: Callable[[UsageReported], None],
    ) -> None:
        self._engines = supply.engines
        self._limit = supply.warm_limit
        self._clock = clock
        self._keep_s = settings.warm_session_minutes * SECONDS_PER_MINUTE
        self._open_timeout_s = settings.connect_timeout_s
        self._start = start
        self._used = used
        self._warm: dict[tuple[str, str], _Warm] = {}

    @property
    def is_on(self) -> bool:
        """Whether the operator wants warm sessions at all."""
        return self._limit.max_sessions > 0

    def want(self, configs: Sequence[tuple[str, SessionConfig]]) -> None:
        """Keep sessions ready for these (engine, agent); those of others are closed."""
        wanted = {_key(speaker_of(config.agent, engine)): config for engine, config in configs}
        for key in [key for key in self._warm if key not in wanted]:
            self._drop(key)
        for key, config in wanted.items():
            if key not in self._warm and self._limit.take():
                warm = self._warm[key] = _Warm()
                warm.keeper = self._start(self._keep(key, warm, config), f"warm session {key[0]}")
                warm.keeper.add_done_callback(lambda _: self._limit.free())

    async def take(self, engine: str, config: SessionConfig) -> OpenSession | None:
        """Return a session that is open already and is this agent from now on, None if there is none."""
        key = _key(speaker_of(config.agent, engine))
        warm = self._warm.get(key)
        if warm is None or warm.opened is None:
            return None
        opened, warm.opened = warm.opened, None
        keeper = self._drop(key)
        if keeper is not None:
            await asyncio.wait({keeper})  # a session's events have one reader at a time
        opened.session.send(Configure(config))  # it was opened for the agent as it was then
        return opened

    def close(self) -> None:
        """Let all go; each keeper closes its session."""
        for key in list(self._warm):
            self._drop(key)

    def _drop(self, key: tuple[str, str]) -> asyncio.Task[None] | None:
        keeper = self._warm.pop(key).keeper
        if keeper is not None:
            keeper.cancel()
        return keeper

    async def _keep(self, key: tuple[str, str], warm: _Warm, config: SessionConfig) -> None:
        try:
            warm.opened = await self._engines.open(config, (key[0],), self._open_timeout_s)
            log.debug("warm_session_open", engine=key[0], model=key[1])
            async with self._clock.deadline(self._keep_s):
                await self._listen(warm.opened)
        except AgentVoiceError as error:  # a failure, or its time is over: the handover opens one then
            log.debug("warm_session_over", engine=key[0], model=key[1], reason=str(error))
        finally:
            if self._warm.get(key) is warm:
                del self._warm[key]
            if warm.opened is not None:
                await close_within_limit(self._clock, "warm session", warm.opened.session.close)

    async def _listen(self, opened: OpenSession) -> None:
        """Take in what a waiting session says, until it is lost."""
        async for event in opened.session.events():
            if isinstance(event, UsageReported):
                self._used(event)
            elif isinstance(event, SessionLost):
                return


def _key(speaker: Speaker) -> tuple[str, str]:
    """A session that has not spoken yet can take any voice: engine and model are what it is bound to."""
    return speaker.engine, speaker.model
