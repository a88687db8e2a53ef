"""All live calls of this process: starting, switching, ending, draining, leases, recovery."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from agentvoice.config import CallSettings
from agentvoice.core.call import LEASE_RENEW_S, LEASE_VALID_MS, LOCAL_CALLER, Call, CallState, EndReason
from agentvoice.core.ids import RANDOM_BYTES, build_uuid7
from agentvoice.core.leg import DoNotPublishPressed
from agentvoice.core.metrics import CALLS_ENDED, CALLS_LIVE, NO_METRICS
from agentvoice.core.ports import CallerLeg, Clock, HttpTools, Metrics
from agentvoice.core.pricing import PriceTable, nano_usd_of
from agentvoice.core.project import Project
from agentvoice.errors import AgentVoiceError, CallLimitReached, NotFound, Refused, StorageBusy
from agentvoice.services.call_meter import CallMeter, limits_of
from agentvoice.services.call_metrics import MeasuredLeg
from agentvoice.services.call_record import CallRecord
from agentvoice.services.call_session import CallSession
from agentvoice.services.cast import Cast, check_enabled
from agentvoice.services.session_opening import Engines
from agentvoice.services.spending import Account, Spending
from agentvoice.services.warm_sessions import SessionSupply, WarmLimit
from agentvoice.storage import agents, conversations, projects, publications
from agentvoice.storage.database import Database
from agentvoice.storage.writer import Writer

log = structlog.get_logger(__name__)

DRAIN_LOOK_S = 0.1
"""How often draining looks whether the calls are over."""

ENDING_LIMIT_S = 10.0
"""How long a call that was told to end may take to close its session and leg."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """Who is called, and by whom. `project` and `engine` may be "": the settings', the agent's own.

    `projects`: those that the caller may call; None is all.
    """

    agent: str
    project: str = ""
    engine: str = ""
    caller: str = LOCAL_CALLER
    projects: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call ended; `error` is why it failed, if it did."""

    call_id: str
    reason: EndReason
    error: AgentVoiceError | None = None


class CallManager:
    """Runs calls; one fault of one call never touches another.

    `call_ended` is told each ended call's id (the publisher is woken by it).
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        engines: Engines,
        clock: Clock,
        settings: CallSettings,
        default_project: str,
        call_ended: Callable[[str], Awaitable[None]],
        owner_id: str,
        http_tools: HttpTools,
        prices: PriceTable,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._database = database
        self._writer = writer
        self._metrics = metrics
        self._engines = engines
        self.clock = clock
        self._settings = settings
        self._default_project = default_project
        self._call_ended = call_ended
        self._owner_id = owner_id
        self._warm_limit = WarmLimit(settings.warm_sessions)
        self._http_tools = http_tools
        self._prices = prices
        self._spending = Spending(database, clock)
        self._live: dict[str, CallSession] = {}
        self._is_draining = False

    def use_settings(self, settings: CallSettings, default_project: str) -> None:
        """Apply other settings to the calls to come."""
        self._settings = settings
        self._warm_limit.max_sessions = settings.warm_sessions
        self._default_project = default_project

    @property
    def hold_s(self) -> float:
        """How long a call waits for a caller whose connection is lost."""
        return self._settings.hold_s

    @property
    def live_calls(self) -> tuple[str, ...]:
        """Ids of the calls of this process."""
        return tuple(self._live)

    async def run(
        self, request: CallRequest, leg: CallerLeg, started: Callable[[str], None] = lambda call_id: None
    ) -> CallOutcome:
        """Run a call from answer to end; `started` is told its id.

        Raises NotFound (agent, project), CallLimitReached or BudgetSpent before there is a call.
        """
        project, call = await self._admit(request, leg.transport)
        account = self._spending.open(call)
        meter = self._new_meter(account, project)
        record = CallRecord(call, self._writer, self.clock, meter, self._metrics)
        session = CallSession(
            call,
            project,
            MeasuredLeg(leg, self._metrics),
            Cast(self._database, project),
            SessionSupply(self._engines, self._warm_limit, request.engine),
            record,
            self.clock,
            self._settings,
            self._http_tools,
        )
        self._live[call.id] = session
        self._metrics.add(CALLS_LIVE)
        try:
            await record.begin()
            started(call.id)
            reason = await session.run()
        finally:
            del self._live[call.id]
            self._metrics.add(CALLS_LIVE, -1)
            self._spending.close(account)
        self._metrics.add(CALLS_ENDED, label=reason.value)
        await self._call_ended(call.id)
        return CallOutcome(call.id, reason, session.error)

    async def _admit(self, request: CallRequest, transport: str) -> tuple[Project, Call]:
        self._check_room()
        project, call = await asyncio.to_thread(self._plan_call, request, transport)
        await self._spending.check_start(project, request.caller, self._settings.budgets)
        self._check_room()  # others may have come, or the daemon begun to stop, while this was read
        return project, call

    def _new_meter(self, account: Account, project: Project) -> CallMeter:
        return CallMeter(
            account,
            self._spending,
            limits_of(self._settings, project),
            self._prices,
            nano_usd_of(self._settings.budgets.estimated_usd_per_minute),
            self._engines.free,
        )

    def _check_room(self) -> None:
        if self._is_draining:
            raise CallLimitReached("calls: the daemon is stopping and takes no more")
        if len(self._live) >= self._settings.max_calls:
            raise CallLimitReached(
                f"calls: {len(self._live)} are live, [calls] max_calls is {self._settings.max_calls}"
            )
        if self._writer.is_stalled:
            raise StorageBusy("database: it takes no writes now, so a new call could not be kept")

    async def check(self, request: CallRequest) -> None:
        """Raise what `run` would raise before there is a call."""
        await self._admit(request, "")

    def _plan_call(self, request: CallRequest, transport: str) -> tuple[Project, Call]:
        with self._database.reading() as reading:
            project = projects.get_project(reading, request.project or self._default_project)
            agent = agents.get_agent(reading, request.agent).profile
        if request.projects is not None and project.slug not in request.projects:
            raise Refused(
                f"project: got {project.slug!r}, want one that you may call: {', '.join(sorted(request.projects))}"
            )
        check_enabled(agent)
        now = self.clock.utc_ms()
        call = Call(
            id=self._new_id(),
            project=project.slug,
            agent=agent.slug,
            transport=transport,
            engine=request.engine or agent.engines[0],
            state=CallState.CONNECTING,
            policy=project.policy,
            relays=project.relays,
            owner_id=self._owner_id,
            lease_until=now + LEASE_VALID_MS,
            started_at=now,
            caller=request.caller,
        )
        return project, call

    def _new_id(self) -> str:
        return build_uuid7(self.clock.utc_ms(), self.clock.random_bytes(RANDOM_BYTES))

    # What operators ask of live calls.

    async def switch(self, call_id: str, agent: str) -> None:
        """Hand a live call over; raises NotFound or why the handover failed."""
        failure = await self._session(call_id).switch(agent)
        if failure is not None:
            raise failure

    def end(self, call_id: str, reason: EndReason = EndReason.OPERATOR) -> None:
        """End a live call; raises NotFound."""
        self._session(call_id).request_end(reason)

    async def keep_unpublished(self, call_id: str) -> None:
        """Keep a call, live or ended, from being published. Raises NotFound, or Refused: it is signed."""

        def keep(session: Any) -> None:
            if publications.get_publication(session, call_id).prepared_at:
                raise Refused(f"call {call_id}: its thread is signed; `agentvoice publication unpublish` it")
            conversations.set_do_not_publish(session, call_id)

        await self._writer.write(keep, durable=True)
        if call_id in self._live:  # its caller shall see it
            self._live[call_id].route(DoNotPublishPressed())

    def project_of(self, call_id: str) -> str:
        """Return the slug of a live call's project; raises NotFound."""
        return self._session(call_id).call.project

    def _session(self, call_id: str) -> CallSession:
        session = self._live.get(call_id)
        if session is None:
            raise NotFound(f"call {call_id}: it is not live here")
        return session

    async def drain(self, timeout_s: float) -> None:
        """Take no more calls; wait for the live ones, then end them."""
        self._is_draining = True
        until_s = self.clock.monotonic_s() + timeout_s
        await self._wait_until_none(until_s)
        for session in tuple(self._live.values()):
            session.request_end(EndReason.DRAINED)
        await self._wait_until_none(self.clock.monotonic_s() + ENDING_LIMIT_S)

    async def _wait_until_none(self, until_s: float) -> None:
        while self._live and self.clock.monotonic_s() < until_s:
            await self.clock.sleep_until(min(until_s, self.clock.monotonic_s() + DRAIN_LOOK_S))

    # Leases and recovery.

    async def keep_leases(self) -> None:
        """Renew the leases of this process's calls for as long as it runs."""
        while True:
            await self.clock.sleep_until(self.clock.monotonic_s() + LEASE_RENEW_S)
            if self._live:
                await self._renew_leases()

    async def _renew_leases(self) -> None:
        """Renew; a call that another process took for crashed meanwhile ends here too."""
        living = self.live_calls
        try:
            lost = await self._writer.write(
                lambda session: conversations.renew_leases(
                    session, self._owner_id, self.clock.utc_ms() + LEASE_VALID_MS, living
                )
            )
        except AgentVoiceError as error:
            log.error("leases_not_renewed", error=str(error))
            return
        for call_id in lost:
            if call_id in self._live:
                self._live[call_id].taken_over()

    async def recover(self) -> tuple[str, ...]:
        """End the calls whose owner died (lease run out) and return their ids.

        One conditional UPDATE takes them, so of several processes only one gets each call. Our own
        live calls are spared: after the machine slept, their leases are old and they are not.
        """
        now, living = self.clock.utc_ms(), self.live_calls
        taken = await self._writer.write(
            partial(conversations.take_crashed_calls, now=now, owner_id=self._owner_id, living=living)
        )
        for call_id in taken:
            log.warning("call_recovered", call=call_id)
            self._metrics.add(CALLS_ENDED, label=EndReason.CRASH.value)
            await self._call_ended(call_id)
        return tuple(taken)
