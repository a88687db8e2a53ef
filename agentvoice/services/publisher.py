"""Publishing: each finished call becomes exactly one thread, and each relay gets all of it.

Three steps, each of which may be the last before the process dies: claim the call, sign the thread,
store it with its deliveries in one transaction. Only a stored thread is ever sent.
"""

from __future__ import annotations

import structlog

from agentvoice.config.settings import PublishSettings
from agentvoice.core.call import Call, PublicationState
from agentvoice.core.delivery import Publication
from agentvoice.core.metrics import NO_METRICS
from agentvoice.core.ports import Clock, LoadSigner, Metrics, MineEvent, NewSigner, Relays
from agentvoice.core.project import Project, PublishPolicy
from agentvoice.core.retry import MS_PER_S
from agentvoice.errors import AgentVoiceError, PublishError, StorageError, TimedOut
from agentvoice.services.private_check import check_wraps
from agentvoice.services.private_thread import PrivateThread
from agentvoice.services.relay_lists import RelayLists
from agentvoice.services.relay_queue import EmbeddedAddress, RelayQueue
from agentvoice.services.thread_check import FindForgery, ThreadCheck, check_thread
from agentvoice.services.thread_needs import ThreadNeeds, ask_relays
from agentvoice.services.thread_signing import ThreadSigning
from agentvoice.services.thread_verification import RelayCheck, ThreadVerification
from agentvoice.services.unpublishing import Unpublishing
from agentvoice.storage import (
    conversations,
    deliveries,
    preparations,
    publications,
    resending,
)
from agentvoice.storage.database import Database
from agentvoice.storage.preparations import Outgoing, outgoing_thread
from agentvoice.storage.transactions import read, write

SIGNING_LOCK_MS = 30_000
"""How long one process may take to sign a thread before another may begin anew."""

UNSIGNED_RETRY_S = 60.0
"""When this process tries again to sign a thread that it could not sign for now."""

SETTLE_POLL_S = 0.2
"""How often `wait_settled` looks at least: another process may be the one that delivers."""

log = structlog.get_logger(__name__)


class Publisher:
    """Prepares and delivers the threads of a database."""

    def __init__(
        self,
        database: Database,
        relays: Relays,
        load_signer: LoadSigner,
        find_forgery: FindForgery,
        new_signer: NewSigner,
        mine: MineEvent,
        embedded_address: EmbeddedAddress,
        clock: Clock,
        settings: PublishSettings,
        owner_id: str,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._database = database
        self._relays = relays
        self._find_forgery = find_forgery
        self._clock = clock
        self._settings = settings
        self._owner_id = owner_id
        self._not_before_s: dict[str, float] = {}
        self._signing = ThreadSigning(database, load_signer, mine, self._find_needs, clock)
        self._unpublishing = Unpublishing(database, load_signer, clock)
        self._queue = RelayQueue(database, relays, embedded_address, clock, settings, owner_id, metrics)
        self._verification = ThreadVerification(relays, self._queue.dial_address, find_forgery)
        self._relay_lists = RelayLists(database, relays, find_forgery, self._queue.dial_address, clock)
        self._private = PrivateThread(database, self._signing, new_signer, self._relay_lists, clock)

    async def prepare(self, call_id: str) -> PublicationState:
        """Sign and store the thread of an ended call, unless it is done, not wanted or not allowed.

        Return where the publication stands then. What can be mended by trying again leaves it
        queued; anything else makes it failed, with the reason. Raises NotFound or a StorageError.
        """
        call = await read(self._database, lambda session: conversations.get_call(session, call_id))
        now = self._clock.utc_ms()
        claimed = await write(
            self._database,
            lambda session: preparations.claim_preparation(
                session, call_id, self._owner_id, now, now + SIGNING_LOCK_MS
            ),
        )
        if claimed:
            await self._prepare_claimed(call)
        return (await self.publication(call_id)).state

    async def prepare_waiting(self) -> int:
        """Prepare every ended call that waits for it; return how many there were."""
        found, last = 0, ""
        # Page by page: calls that cannot be signed here must not stand in the way of newer ones.
        while waiting := await self._list_unprepared(last):
            for call_id in waiting:
                if self._not_before_s.get(call_id, 0.0) <= self._clock.monotonic_s():
                    await self.prepare(call_id)
            found, last = found + len(waiting), waiting[-1]
        return found

    async def deliver_due(self) -> int:
        """Attempt every delivery that is due; return how many attempts were made."""
        return await self._queue.deliver_due()

    async def sweep(self) -> None:
        """Prepare what waits and deliver what is due: the scheduler's job."""
        await self.prepare_waiting()
        await self._unpublishing.prepare_waiting()
        await self.deliver_due()

    def dial_address(self, relay: str) -> str:
        """Return the address of a relay of a delivery; raises ConnectFailed for an embedded one not running."""
        return self._queue.dial_address(relay)

    async def publication(self, call_id: str) -> Publication:
        """Return a call's publication with its events and deliveries. Raises NotFound."""
        return await read(self._database, lambda session: publications.get_publication(session, call_id))

    async def wait_settled(self, call_id: str, timeout_s: float, *, by_another: bool = False) -> Publication:
        """Prepare and deliver a call's thread until it is published, has failed or wants review.

        `by_another`: only look on; the call is of another process, which alone may hold its keys (in
        its environment). Return it as it stands then, or after `timeout_s`: retries go on without us.
        """
        try:
            async with self._clock.deadline(timeout_s):
                await (self._watch(call_id) if by_another else self._settle(call_id))
        except TimedOut:
            log.info("publication_not_settled", call_id=call_id, timeout_s=timeout_s)
        return await self.publication(call_id)

    async def verify_thread(self, call_id: str) -> ThreadCheck:
        """Read a call's thread back from the first relay that accepted all of it, and check it.

        Raises PublishError if no relay did, or what reading from a relay raises.
        """
        publication = await self.publication(call_id)
        if publication.is_private:
            return await check_wraps(self._relays, self._queue.dial_address, publication, self._find_forgery)
        complete = publication.relays_with_all()
        if not complete:
            raise PublishError(f"call {call_id}: no relay has the whole thread ({publication.state.value})")
        address = self._queue.dial_address(complete[0])
        return await check_thread(self._relays, complete[0], address, publication, self._find_forgery)

    async def verify_relays(self, call_id: str, relay: str = "") -> tuple[RelayCheck, ...]:
        """Read a call's thread back from every relay that accepted all of it, or from the given one.

        Raises NotFound, or PublishError if no relay has all of it.
        """
        return await self._verification.check_relays(await self.publication(call_id), relay)

    async def resend_lost(self, call_id: str, checks: tuple[RelayCheck, ...]) -> int:
        """Queue again what these checks found lost; return how many events. Raises NotFound, Refused."""
        now, enough = self._clock.utc_ms(), self._settings.accepted_relays
        lost = {check.relay: check.lost for check in checks if check.lost}
        return await write(
            self._database,
            lambda session: resending.queue_lost(session, call_id, lost, now, enough),
            durable=True,
        )

    async def _list_unprepared(self, after: str) -> tuple[str, ...]:
        now, limit = self._clock.utc_ms(), self._settings.claim_batch
        return await read(
            self._database, lambda session: preparations.list_unprepared(session, now, limit, after)
        )

    async def _prepare_claimed(self, call: Call) -> None:
        try:
            outgoing = await self._build(call)
        except StorageError:
            raise
        except AgentVoiceError as error:
            await self._give_up_signing(call.id, error)
            return
        now = self._clock.utc_ms()
        # Durable: were the events lost after they were sent, signing anew would make a second thread.
        is_stored = await write(
            self._database,
            lambda session: preparations.store_events(session, call.id, outgoing, now),
            durable=True,
        )
        self._not_before_s.pop(call.id, None)
        log.info("thread_prepared", call_id=call.id, events=len(outgoing), stored=is_stored)

    async def _build(self, call: Call) -> tuple[Outgoing, ...]:
        if call.policy is PublishPolicy.PRIVATE:
            return await self._private.wrap_call(call)
        project, events = await self._signing.sign_thread(call)
        return outgoing_thread(events, await self._relays_of(project) if events else ())

    async def _relays_of(self, project: Project) -> tuple[str, ...]:
        named = await self._relay_lists.read_relays(project) if project.nip65_relays else ()
        return tuple(dict.fromkeys((*project.relays, *named)))

    async def _find_needs(self, project: Project) -> ThreadNeeds:
        relays = await self._relays_of(project)
        max_pow_bits = self._settings.pow.max_bits
        return await ask_relays(self._relays, relays, self.dial_address, self._clock, max_pow_bits)

    async def _give_up_signing(self, call_id: str, error: AgentVoiceError) -> None:
        log.warning("thread_not_signed", call_id=call_id, error=str(error), retryable=error.retryable)
        if error.retryable:  # perhaps another process can: its environment may hold the key
            self._not_before_s[call_id] = self._clock.monotonic_s() + UNSIGNED_RETRY_S
            await write(
                self._database,
                lambda session: preparations.release_preparation(
                    session, call_id, self._owner_id, str(error)
                ),
            )
        else:
            await write(
                self._database, lambda session: preparations.fail_preparation(session, call_id, str(error))
            )

    async def _watch(self, call_id: str) -> None:
        while (await self.publication(call_id)).state is PublicationState.QUEUED:
            await self._clock.sleep_until(self._clock.monotonic_s() + SETTLE_POLL_S)

    async def _settle(self, call_id: str) -> None:
        while True:
            state = await self.prepare(call_id)
            if state is PublicationState.QUEUED:
                await self.deliver_due()
                state = (await self.publication(call_id)).state
            if state is not PublicationState.QUEUED:
                return
            due_at = await read(self._database, lambda session: deliveries.next_due_at(session, call_id))
            wait_s = max(0.0, ((due_at or 0) - self._clock.utc_ms()) / MS_PER_S)
            await self._clock.sleep_until(self._clock.monotonic_s() + max(0.02, min(wait_s, SETTLE_POLL_S)))
