"""Opening sessions: on which of an agent's engines, and what is known of each engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from agentvoice.core.availability import Availability
from agentvoice.core.engine import BillsBy, SessionConfig
from agentvoice.core.metrics import NO_METRICS, SESSIONS_FAILED, SESSIONS_OPENED
from agentvoice.core.ports import Clock, Metrics, SpeechEngine, SpeechSession
from agentvoice.errors import AgentVoiceError, EngineUnavailable

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session with the engine that opened it and when (monotonic): its age is limited."""

    engine: SpeechEngine
    session: SpeechSession
    opened_at_s: float


class Engines:
    """The engines of this process, shared by all calls. What one call learns spares the next."""

    def __init__(
        self,
        engines: Mapping[str, SpeechEngine],
        clock: Clock,
        passed_over_s: float,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._engines = engines
        self._metrics = metrics
        self._clock = clock
        self._known = Availability(passed_over_s)

    @property
    def free(self) -> tuple[str, ...]:
        """The engines whose providers bill nothing."""
        return tuple(
            name for name, engine in self._engines.items() if engine.capabilities.bills_by is BillsBy.NOTHING
        )

    async def check(self, names: Iterable[str], timeout_s: float) -> dict[str, AgentVoiceError | None]:
        """Find out which of these engines could open a session now; return why not, by name."""
        wanted = [name for name in dict.fromkeys(names) if name in self._engines]
        results = await asyncio.gather(*(self._check(name, timeout_s) for name in wanted))
        return dict(zip(wanted, results, strict=True))

    async def _check(self, name: str, timeout_s: float) -> AgentVoiceError | None:
        try:
            async with self._clock.deadline(timeout_s):
                await self._engines[name].check()
        except AgentVoiceError as failure:
            log.warning("engine_unavailable", engine=name, error=str(failure))
            self._known.failed(name, failure, self._clock.monotonic_s())
            return failure
        self._known.worked(name)
        return None

    def order(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names in the order to try them now."""
        return self._known.order(names, self._clock.monotonic_s())

    async def open(self, config: SessionConfig, names: Sequence[str], timeout_s: float) -> OpenSession:
        """Open a session on the first of these engines that has one to give.

        Raises what the last of them failed with.
        """
        failure: AgentVoiceError | None = None
        for name in self.order(names):
            try:
                return await self._open(config, name, timeout_s)
            except AgentVoiceError as error:
                log.warning("engine_failed", engine=name, error=str(error))
                failure = error
        assert failure is not None  # an agent has at least one engine (core.agent.check_agent)
        raise failure

    async def _open(self, config: SessionConfig, name: str, timeout_s: float) -> OpenSession:
        engine = self._engines.get(name)
        if engine is None:
            raise EngineUnavailable(
                f"engine {name}: it is not set up; want one of {', '.join(self._engines)}"
            )
        opened_at_s = self._clock.monotonic_s()
        try:
            async with self._clock.deadline(timeout_s):
                session = await engine.open(config)
        except AgentVoiceError as error:
            self._known.failed(name, error, self._clock.monotonic_s())
            self._metrics.add(SESSIONS_FAILED, label=name)
            raise
        self._known.worked(name)
        self._metrics.add(SESSIONS_OPENED, label=name)
        return OpenSession(engine, session, opened_at_s)
