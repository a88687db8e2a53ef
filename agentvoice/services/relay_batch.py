"""Sending a batch of claimed attempts to one relay, several in flight, outcomes as they come.

Nothing here touches the database. What the relay cannot take any more (it died, or asked us to slow
down) is left over, unsent: the queue releases it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from agentvoice.core.delivery import DeliveryEvent
from agentvoice.core.ports import Clock, RelayAnswer, Relays
from agentvoice.core.project import public_address
from agentvoice.core.relay_limits import UNSAID, RelayLimits, find_excess
from agentvoice.core.retry import MS_PER_S
from agentvoice.errors import AgentVoiceError, TimedOut, TransportError
from agentvoice.protocols.nostr.answers import Verdict, is_rate_limited, judge_answer
from agentvoice.protocols.nostr.nip01 import PUBLISH_FRAME_BYTES
from agentvoice.protocols.nostr.nip40 import has_expired
from agentvoice.storage.deliveries import Attempt

MOST_IN_FLIGHT = 64
"""Sent and not yet answered; as many as a connection takes at once."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one attempt. `is_delay`: it was no failure of the relay, which will soon be asked again."""

    attempt: Attempt
    event: DeliveryEvent
    answer: str
    is_delay: bool = False


FindAddress = Callable[[], str]
"""Give the address to dial; raises ConnectFailed."""

RecordSent = Callable[[list[Sent]], Awaitable[None]]
"""Write down what came of some attempts."""


class RelayBatch:
    """One batch for the relay of `find_address`, over by `ends_at_s` (monotonic): then its claims run out."""

    def __init__(self, relays: Relays, clock: Clock, find_address: FindAddress, ends_at_s: float) -> None:
        self._relays = relays
        self._clock = clock
        self._find_address = find_address
        self._ends_at_s = ends_at_s
        self._limits: RelayLimits = UNSAID
        self._waiting: deque[Attempt] = deque()
        self._sent: list[Sent] = []
        self._came = asyncio.Event()
        self.accepted = 0
        self.accepted_again = 0
        """How many of those had been tried before: the relay, or what it lacked, is back."""
        self.refused = 0
        """How many events were refused as `rate-limited:`."""
        self.lost: TransportError | None = None
        """Why the relay could not be reached any more."""
        self._fault: AgentVoiceError | None = None
        """Why nothing more could be recorded."""

    async def send(self, attempts: Sequence[Attempt], record: RecordSent, *, asks_limits: bool) -> None:
        """Send them in order, and have recorded what came of them, as much at a time as has come.

        `asks_limits`: ask for the limits that the relay announces, and send nothing beyond them.
        Raises what `record` raises, when nothing is in flight any more.
        """
        self._waiting.extend(attempts)
        if asks_limits:
            await self._ask_limits()
        if self._is_over():  # all the time went into reaching it
            self.lost = TimedOut("the relay was not reached in time")
        async with asyncio.TaskGroup() as group:
            lines = [
                group.create_task(self._keep_sending(), name="relay line")
                for _ in range(min(MOST_IN_FLIGHT, len(attempts)))
            ]
            for line in lines:
                line.add_done_callback(lambda _: self._came.set())
            while running := sum(not line.done() for line in lines):
                await self._came.wait()
                self._came.clear()
                # As many as are still in flight: few transactions, and no slow answer holds up much.
                if len(self._sent) >= running:
                    await self._record_sent(record)
        await self._record_sent(record)
        if self._fault is not None:
            raise self._fault

    async def record_unanswered(self, record: RecordSent) -> None:
        """Have recorded what `send` had not when it was cancelled. Raises what `record` raises."""
        await self._record_sent(record)
        if self._fault is not None:
            raise self._fault

    def take_unsent(self) -> list[Attempt]:
        """Return the attempts that were not begun."""
        unsent = list(self._waiting)
        self._waiting.clear()
        return unsent

    async def _ask_limits(self) -> None:
        with suppress(TransportError):  # no address to ask at: the first event will tell
            self._limits = await self._relays.limits(self._find_address())

    async def _record_sent(self, record: RecordSent) -> None:
        sent, self._sent = self._sent, []
        if not sent or self._fault is not None:
            return
        try:
            await record(sent)
        except AgentVoiceError as error:
            self._fault = error

    async def _keep_sending(self) -> None:
        while self._waiting and not self._is_over():
            attempt = self._waiting.popleft()
            try:
                sent = await self._attempt(attempt)
            except asyncio.CancelledError:  # whether the relay has it or not, it takes the same event again
                stopped = "not answered yet when the process stopped"
                self._sent.append(Sent(attempt, DeliveryEvent.POSTPONED, stopped, is_delay=True))
                raise
            self._sent.append(sent)  # a list that _record_sent may have replaced meanwhile
            self._came.set()

    def _is_over(self) -> bool:
        is_late = self._clock.monotonic_s() >= self._ends_at_s
        return is_late or self.refused > 0 or self.lost is not None or self._fault is not None

    async def _attempt(self, attempt: Attempt) -> Sent:
        now = self._clock.utc_ms()
        frame_bytes = attempt.event_bytes + PUBLISH_FRAME_BYTES
        if has_expired(attempt.event, now):
            return Sent(attempt, DeliveryEvent.EXPIRED, "not sent: its expiration has passed (NIP-40)")
        if excess := find_excess(self._limits, attempt.event, frame_bytes, now // MS_PER_S):
            return self._rejected(attempt, f"not sent: {excess}")
        try:
            async with self._clock.deadline(self._ends_at_s - self._clock.monotonic_s()):
                answer = await self._relays.publish(self._find_address(), attempt.event)
        except TransportError as error:
            self.lost = error
            return Sent(attempt, DeliveryEvent.POSTPONED, str(error))
        except AgentVoiceError as error:
            return Sent(attempt, DeliveryEvent.POSTPONED, str(error))
        return self._judge(attempt, answer, frame_bytes)

    def _judge(self, attempt: Attempt, answer: RelayAnswer, frame_bytes: int) -> Sent:
        match judge_answer(answer, frame_bytes):
            case Verdict.ACCEPTED:
                self.accepted += 1
                self.accepted_again += attempt.delivery.attempts > 1
                return Sent(attempt, DeliveryEvent.ACCEPTED, answer.message)
            case Verdict.REJECTED:
                return self._rejected(attempt, answer.message)
            case Verdict.RETRY | Verdict.AUTH:
                is_delay = is_rate_limited(answer)
                self.refused += is_delay
                return Sent(attempt, DeliveryEvent.POSTPONED, answer.message, is_delay)

    def _rejected(self, attempt: Attempt, answer: str) -> Sent:
        relay, call_id = public_address(attempt.delivery.relay), attempt.delivery.call_id
        log.warning("event_rejected", relay=relay, call_id=call_id, answer=answer)
        return Sent(attempt, DeliveryEvent.REJECTED, answer)
