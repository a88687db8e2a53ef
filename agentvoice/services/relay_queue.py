"""Sending what is due to one relay after another, at the pace each relay bears.

An attempt is committed before the relay is dialled, so whenever the process dies, the database
knows; the same signed bytes are sent again, which relays take for what it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from agentvoice.config.settings import PublishSettings
from agentvoice.core.delivery import DeliveryEvent
from agentvoice.core.metrics import DELIVERIES
from agentvoice.core.ports import Clock, Metrics, RelayAnswer, Relays
from agentvoice.core.project import EMBEDDED_RELAY, public_address
from agentvoice.core.retry import (
    MS_PER_S,
    RetryPlan,
    faster_pace_s,
    is_too_old,
    next_attempt_at,
    slower_pace_s,
)
from agentvoice.errors import AgentVoiceError, ConnectFailed, TransportError
from agentvoice.protocols.nostr.answers import Verdict, is_rate_limited, judge_answer
from agentvoice.protocols.nostr.nip01 import encode_publish
from agentvoice.protocols.nostr.nip40 import has_expired
from agentvoice.storage import deliveries
from agentvoice.storage.database import Database
from agentvoice.storage.deliveries import Attempt
from agentvoice.storage.transactions import read, write

ATTEMPT_LOCK_MS = 60_000
"""How long an attempt may take, connecting and AUTH included, before another process may repeat it."""

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
        self._pace_s: dict[str, float] = {}
        self._busy: set[str] = set()

    async def deliver_due(self) -> int:
        """Attempt everything that is due, all relays at once, each in order; return how many attempts."""
        now = self._clock.utc_ms()
        relays = await read(self._database, lambda session: deliveries.list_due_relays(session, now))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._deliver_to(relay)) for relay in relays]
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
        attempts = 0
        try:
            while due := await self._list_due(relay):
                for delivery_id in due:
                    attempt = await self._start(delivery_id)
                    if attempt is None:
                        continue
                    attempts += 1
                    if not await self._attempt(attempt):
                        return attempts
        except AgentVoiceError as error:  # the database's: one relay's trouble is not the others'
            log.warning("deliveries_interrupted", relay=public_address(relay), error=str(error))
        finally:
            self._busy.discard(relay)
        return attempts

    async def _attempt(self, attempt: Attempt) -> bool:
        """Send an event and record the outcome; return whether the relay can take the next at once."""
        delivery = attempt.delivery
        if has_expired(attempt.event, self._clock.utc_ms()):
            await self._record(attempt, DeliveryEvent.EXPIRED, "not sent: its expiration has passed (NIP-40)")
            return True
        try:
            answer = await self._relays.publish(self.dial_address(delivery.relay), attempt.event)
        except TransportError as error:
            until = await self._record_retry(attempt, str(error))
            await write(
                self._database, lambda session: deliveries.postpone_relay(session, delivery.relay, until)
            )
            return False
        except AgentVoiceError as error:
            await self._record_retry(attempt, str(error))
            return True
        event_bytes = len(encode_publish(attempt.event).encode())
        match judge_answer(answer, event_bytes):
            case Verdict.ACCEPTED:
                await self._record(attempt, DeliveryEvent.ACCEPTED, answer.message)
                return await self._keep_pace_after_success(attempt)
            case Verdict.REJECTED:
                log.warning(
                    "event_rejected",
                    relay=public_address(delivery.relay),
                    call_id=delivery.call_id,
                    answer=answer.message,
                )
                await self._record(attempt, DeliveryEvent.REJECTED, answer.message)
                return True
            case Verdict.RETRY | Verdict.AUTH:
                return await self._slow_down(attempt, answer)

    async def _slow_down(self, attempt: Attempt, answer: RelayAnswer) -> bool:
        relay = attempt.delivery.relay
        if not is_rate_limited(answer):
            await self._record_retry(attempt, answer.message)
            return True
        pace_s = self._pace_s[relay] = slower_pace_s(self._pace_s.get(relay, 0.0))
        # Asked to slow down is not failed: this event is due with the next beat, not in an hour.
        until = self._clock.utc_ms() + round(pace_s * MS_PER_S)
        await self._record_retry(attempt, answer.message, until)
        await write(self._database, lambda session: deliveries.postpone_relay(session, relay, until))
        return False

    async def _keep_pace_after_success(self, attempt: Attempt) -> bool:
        relay, now = attempt.delivery.relay, self._clock.utc_ms()
        pace_s = faster_pace_s(self._pace_s.get(relay, 0.0))
        if pace_s:
            self._pace_s[relay] = pace_s
            until = now + round(pace_s * MS_PER_S)
            await write(self._database, lambda session: deliveries.postpone_relay(session, relay, until))
            return False
        self._pace_s.pop(relay, None)
        if attempt.delivery.attempts > 1:  # the relay is back: nothing else need wait for its hour
            await write(self._database, lambda session: deliveries.hasten_relay(session, relay, now))
        return True

    async def _record_retry(self, attempt: Attempt, answer: str, next_at: int = 0) -> int:
        """Record a failure that may pass; return when to try again (UTC ms)."""
        delivery, now = attempt.delivery, self._clock.utc_ms()
        next_at = next_at or next_attempt_at(delivery.attempts, now, self._jitter(), self._plan)
        is_over = is_too_old(delivery.created_at, now, self._plan)
        outcome = DeliveryEvent.EXPIRED if is_over else DeliveryEvent.POSTPONED
        log.info(
            "delivery_failed", relay=public_address(delivery.relay), call_id=delivery.call_id, attempts=delivery.attempts,
            outcome=outcome.value, answer=answer,
        )  # fmt: skip
        await self._record(attempt, outcome, answer, next_at)
        return next_at

    async def _record(self, attempt: Attempt, outcome: DeliveryEvent, answer: str, next_at: int = 0) -> None:
        self._metrics.add(DELIVERIES, label=outcome.value)
        now = self._clock.utc_ms()
        enough = self._settings.accepted_relays
        await write(
            self._database,
            lambda session: deliveries.record_outcome(
                session, attempt, outcome, answer, now, enough, next_at
            ),
        )

    async def _start(self, delivery_id: int) -> Attempt | None:
        now = self._clock.utc_ms()
        # The lock outlasts the shortest delay: a crash in an attempt is no fault of the relay.
        if_we_die_at = next_attempt_at(1, now, self._jitter(), self._plan)
        return await write(
            self._database,
            lambda session: deliveries.start_attempt(
                session, delivery_id, self._owner_id, now, if_we_die_at, now + ATTEMPT_LOCK_MS
            ),
        )

    async def _list_due(self, relay: str) -> tuple[int, ...]:
        now, limit = self._clock.utc_ms(), self._settings.claim_batch
        return await read(self._database, lambda session: deliveries.list_due(session, relay, now, limit))

    def _jitter(self) -> float:
        return int.from_bytes(self._clock.random_bytes(JITTER_BYTES), "big") / (1 << 8 * JITTER_BYTES)
