"""Sending what is due, to all relays at once, to each at the pace it bears.

Attempts are committed before the relay is dialled, a batch in one transaction, so whenever the
process dies, the database knows; the same signed events are sent again, which relays take for what
it is. What came of them is recorded as it comes, again many in one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from agentvoice.config.settings import PublishSettings
from agentvoice.core.delivery import DeliveryEvent
from agentvoice.core.metrics import DELIVERIES
from agentvoice.core.pacing import FIRST_BEAT_S, LONGEST_BEAT_S, BatchResult, Pace
from agentvoice.core.ports import Clock, Metrics, Relays
from agentvoice.core.project import EMBEDDED_RELAY, public_address
from agentvoice.core.retry import (
    MS_PER_S,
    RetryPlan,
    is_too_old,
    longest_delay_s,
    next_attempt_at,
    too_old_before,
)
from agentvoice.errors import AgentVoiceError, ConnectFailed, TransportError
from agentvoice.services.relay_batch import RelayBatch, Sent
from agentvoice.storage import deliveries, outcomes
from agentvoice.storage.database import Database
from agentvoice.storage.deliveries import Attempt, Claim
from agentvoice.storage.outcomes import Outcome
from agentvoice.storage.transactions import read, write

ATTEMPT_LOCK_MS = 60_000
"""How long an attempt may take, connecting and AUTH included, before another process may repeat it."""

BATCH_LIMIT_S = 45.0
"""What is not answered by then is taken for lost, well before its lock runs out."""

SHORT_BEAT_S = 1.0
"""A beat shorter than this is waited for; a longer one is left to the next wake-up."""

EXPIRED_AT_ONCE = 1_000
"""Deliveries given up in one transaction."""

DELIVERIES_WAKE_S = 1.0
"""How often somebody should ask for what is due: a beat comes so much later at most."""

CLOCK_SLACK_MS = 60_000
"""So much may the clocks of processes over one database differ."""

JITTER_BYTES = 4

EmbeddedAddress = Callable[[], str]
"""Give the address of the embedded relay, empty while none runs."""

log = structlog.get_logger(__name__)


class RelayQueue:
    """The deliveries of a database, sent by this process (`owner_id`)."""

    def __init__(
        self,
        database: Database,
        relays: Relays,
        embedded_address: EmbeddedAddress,
        clock: Clock,
        settings: PublishSettings,
        owner_id: str,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._relays = relays
        self._embedded_address = embedded_address
        self._clock = clock
        self._settings = settings
        self._owner_id = owner_id
        self._metrics = metrics
        self._plan = RetryPlan(settings.first_retry_s, settings.max_retry_s, settings.give_up_days)
        self._paces: dict[str, Pace] = {}
        self._busy: set[str] = set()

    async def deliver_due(self) -> int:
        """Attempt everything that is due, all relays at once, each in order; return how many attempts.

        A relay that another run of this is still sending to is left to that run.
        """
        await self._mend_times()
        now, busy = self._clock.utc_ms(), tuple(self._busy)
        relays = await read(self._database, lambda session: deliveries.list_due_relays(session, now, busy))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._deliver_to(relay)) for relay in relays]
        return sum(task.result() for task in tasks)

    async def probe_waiting(self) -> int:
        """Make due what waits for relays that were away and are back; return how many deliveries.

        A relay that rests is not dialled, and nothing is sent to find out: this is cheap.
        """
        # What waits for less has its turn soon anyway, or waits for its beat.
        later = self._clock.utc_ms() + round(LONGEST_BEAT_S * MS_PER_S)
        relays = await read(self._database, lambda session: deliveries.list_postponed_relays(session, later))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._probe(relay)) for relay in relays if relay not in self._busy]
        return sum(task.result() for task in tasks)

    def dial_address(self, relay: str) -> str:
        """Return the address of a relay of a delivery; raises ConnectFailed for an embedded one not running."""
        if relay != EMBEDDED_RELAY:
            return relay
        address = self._embedded_address()
        if not address:
            raise ConnectFailed("embedded: the embedded relay is not running")
        return address

    async def _deliver_to(self, relay: str) -> int:
        if relay in self._busy:  # the sweep before is still at it
            return 0
        self._busy.add(relay)
        attempts, pace = 0, self._paces.setdefault(relay, Pace())
        try:
            while size := await self._wait_for_beat(pace):
                claimed = await self._claim(relay, size)
                if not claimed:
                    break
                attempts += await self._send(relay, pace, claimed)
                if pace.failures:
                    break
        except AgentVoiceError as error:  # the database's: one relay's trouble is not the others'
            log.warning("deliveries_interrupted", relay=public_address(relay), error=str(error))
        finally:
            self._busy.discard(relay)
        return attempts

    async def _wait_for_beat(self, pace: Pace) -> int:
        """Return how many events may be sent, after a short wait for them if need be."""
        if 0 < pace.ready_at_s - self._clock.monotonic_s() < SHORT_BEAT_S:
            await self._clock.sleep_until(pace.ready_at_s)
        return pace.batch_size(self._clock.monotonic_s(), self._settings.claim_batch)

    async def _claim(self, relay: str, size: int) -> tuple[Attempt, ...]:
        now = self._clock.utc_ms()
        # The lock outlasts the shortest delay: a crash in an attempt is no fault of the relay.
        if_we_die_at = next_attempt_at(1, now, self._jitter(), self._plan)
        claim = Claim(self._owner_id, now, if_we_die_at, now + ATTEMPT_LOCK_MS)
        claiming = asyncio.ensure_future(
            write(self._database, lambda session: deliveries.claim_due(session, relay, claim, size))
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:  # the thread claims all the same: nobody would know of it
            with suppress(AgentVoiceError):
                await self._release(list(await claiming), now)
            raise

    async def _send(self, relay: str, pace: Pace, claimed: tuple[Attempt, ...]) -> int:
        """Send a batch, learn from it, and set when the rest is due; return how many were attempted."""
        began_s = self._clock.monotonic_s()
        ends_at_s = began_s + BATCH_LIMIT_S
        batch = RelayBatch(self._relays, self._clock, lambda: self.dial_address(relay), ends_at_s)
        was_away = pace.failures > 0
        try:
            await batch.send(claimed, lambda sent: self._record(sent, pace), asks_limits=not was_away)
        except asyncio.CancelledError:  # the process stops: the next one need not wait for our locks
            with suppress(AgentVoiceError):
                await batch.record_unanswered(lambda sent: self._record(sent, pace))
                await self._release(batch.take_unsent(), self._clock.utc_ms())
            raise
        now_s = self._clock.monotonic_s()
        if batch.lost is None:
            pace.after_batch(BatchResult(batch.accepted, batch.refused, now_s - began_s), now_s)
        else:
            pace.after_failure()
        unsent = batch.take_unsent()
        is_back = batch.accepted_again > 0 or (was_away and batch.accepted > 0)
        await self._settle(relay, pace, unsent, is_back=is_back)
        return len(claimed) - len(unsent)

    async def _settle(self, relay: str, pace: Pace, unsent: list[Attempt], *, is_back: bool) -> None:
        """Release what was not sent, and let what waits for the relay wait on, or no more."""
        now, wait_s = self._clock.utc_ms(), pace.ready_at_s - self._clock.monotonic_s()
        until = 0
        if pace.failures:
            until = next_attempt_at(pace.failures, now, self._jitter(), self._plan)
        elif pace.is_paced:
            until = now + round(wait_s * MS_PER_S)
        await self._release(unsent, max(now, until))
        if pace.failures:
            await self._expire_waiting(relay, now)
        if until:
            await write(self._database, lambda session: deliveries.postpone_relay(session, relay, until))
        elif is_back:
            await write(self._database, lambda session: deliveries.hasten_relay(session, relay, now))

    async def _release(self, unsent: list[Attempt], at: int) -> None:
        if unsent:
            await write(self._database, lambda session: deliveries.release(session, unsent, at))

    async def _expire_waiting(self, relay: str, now: int) -> None:
        too_old, enough = too_old_before(now, self._plan), self._settings.accepted_relays
        await write(
            self._database,
            lambda session: outcomes.expire_waiting(session, relay, too_old, EXPIRED_AT_ONCE, now, enough),
        )

    async def _record(self, sent: list[Sent], pace: Pace) -> None:
        now, enough = self._clock.utc_ms(), self._settings.accepted_relays
        came = [self._outcome(each, pace, now) for each in sent]
        for outcome in came:
            self._metrics.add(DELIVERIES, label=outcome.event.value)
        await write(self._database, lambda session: outcomes.record_outcomes(session, came, now, enough))

    def _outcome(self, sent: Sent, pace: Pace, now: int) -> Outcome:
        """Return what to record: of a failure that may pass, when to try again."""
        delivery, outcome = sent.attempt.delivery, sent.event
        if outcome is not DeliveryEvent.POSTPONED:
            return Outcome(sent.attempt, outcome, sent.answer)
        next_at = next_attempt_at(delivery.attempts, now, self._jitter(), self._plan)
        if sent.is_delay:  # no failure: due with the next beat, not in an hour
            next_at = now + round(max(pace.beat_s, FIRST_BEAT_S) * MS_PER_S)
        if is_too_old(delivery.created_at, now, self._plan):
            outcome = DeliveryEvent.EXPIRED
        log.info(
            "delivery_failed", relay=public_address(delivery.relay), call_id=delivery.call_id, attempts=delivery.attempts,
            outcome=outcome.value, answer=sent.answer,
        )  # fmt: skip
        return Outcome(sent.attempt, outcome, sent.answer, next_at)

    async def _probe(self, relay: str) -> int:
        try:
            if not await self._relays.probe(self.dial_address(relay)):
                return 0
        except TransportError:  # the embedded relay is not running
            return 0
        now = self._clock.utc_ms()
        log.info("relay_is_back", relay=public_address(relay))
        return await write(self._database, lambda session: deliveries.hasten_relay(session, relay, now))

    async def _mend_times(self) -> None:
        """Make due what was given its time by a clock that was ahead."""
        now = self._clock.utc_ms()
        longest_s = max(longest_delay_s(self._plan), LONGEST_BEAT_S)
        limits = now + round(longest_s * MS_PER_S) + CLOCK_SLACK_MS, now + ATTEMPT_LOCK_MS + CLOCK_SLACK_MS
        if await read(self._database, lambda session: deliveries.has_strange_times(session, *limits)):
            mended = await write(
                self._database, lambda session: deliveries.mend_strange_times(session, *limits, now)
            )
            log.warning("clock_was_set_back", deliveries=mended)

    def _jitter(self) -> float:
        return int.from_bytes(self._clock.random_bytes(JITTER_BYTES), "big") / (1 << 8 * JITTER_BYTES)
