"""Taking threads back: the deletions (NIP-09) that follow from the operator's word.

The word itself is one transaction (storage.unpublications.unpublish). Whichever process can sign for
an author signs its deletions, once; the delivery queue sends them as it sends everything.
"""

from __future__ import annotations

import structlog

from agentvoice.core.call import PublicationState
from agentvoice.core.ports import Clock, LoadSigner
from agentvoice.errors import AgentVoiceError, PublishError, StorageError
from agentvoice.protocols.nostr.nip09 import build_deletions
from agentvoice.protocols.publication_documents import UnpublishChange
from agentvoice.storage import keys, unpublications
from agentvoice.storage.database import Database
from agentvoice.storage.transactions import read, write
from agentvoice.storage.unpublications import DeletionNeed

NEEDS_A_SWEEP = 1_000
"""Authors looked at in one sweep: more than ever wait, unless their keys are gone."""

UNSIGNED_RETRY_S = 60.0
"""When this process tries again to sign deletions that it could not sign."""

log = structlog.get_logger(__name__)


def unpublish_call(database: Database, call_id: str, now: int) -> UnpublishChange:
    """Take a call's thread back, for good; its deletions follow from that.

    Raises NotFound, or Refused for one that is not signed or is private.
    """
    with database.writing(durable=True) as session:
        relays = unpublications.unpublish(session, call_id, now)
    return UnpublishChange(call_id, PublicationState.NONE.value, list(relays))


class Unpublishing:
    """Signs and queues the deletions of taken-back threads."""

    def __init__(self, database: Database, load_signer: LoadSigner, clock: Clock) -> None:
        self._database = database
        self._load_signer = load_signer
        self._clock = clock
        self._not_before_s: dict[tuple[str, str], float] = {}

    async def prepare_waiting(self) -> int:
        """Sign and queue every deletion that is wanted and can be signed; return how many were queued.

        Also those for a relay whose answer to an event came after the thread was taken back.
        """
        needs = await read(
            self._database, lambda session: unpublications.list_deletion_needs(session, NEEDS_A_SWEEP)
        )
        queued = 0
        for need in needs:
            if self._not_before_s.get((need.call_id, need.pubkey), 0.0) <= self._clock.monotonic_s():
                queued += await self._prepare(need)
        late = await read(
            self._database, lambda session: unpublications.list_late_acceptances(session, NEEDS_A_SWEEP)
        )
        for call_id in late:
            queued += await self._queue(call_id)
        return queued

    async def _prepare(self, need: DeletionNeed) -> int:
        try:
            signer = await self._load_signer(await self._reference(need.pubkey))
            drafts = build_deletions(need.events, self._clock.utc_ms())
            signed = [await signer.sign(draft) for draft in drafts]
        except StorageError:
            raise
        except AgentVoiceError as error:
            log.warning("deletions_not_signed", call_id=need.call_id, error=str(error))
            self._not_before_s[need.call_id, need.pubkey] = self._clock.monotonic_s() + UNSIGNED_RETRY_S
            reason = f"a deletion is not signed yet: {error}"
            await write(
                self._database,
                lambda session: unpublications.record_deletion_error(session, need.call_id, reason),
            )
            return 0
        self._not_before_s.pop((need.call_id, need.pubkey), None)
        now = self._clock.utc_ms()
        # Durable, as a thread: signed anew after they were sent, they would be others.
        queued = await write(
            self._database,
            lambda session: unpublications.store_deletions(session, need.call_id, signed, now),
            durable=True,
        )
        log.info("deletions_prepared", call_id=need.call_id, events=len(need.events), queued=queued)
        return queued

    async def _queue(self, call_id: str) -> int:
        now = self._clock.utc_ms()
        return await write(
            self._database, lambda session: unpublications.queue_deletions(session, call_id, now)
        )

    async def _reference(self, pubkey: str) -> str:
        stored = await read(self._database, keys.list_keys)
        found = next((key.reference for key in stored if key.pubkey == pubkey), "")
        if not found:
            raise PublishError(f"the key {pubkey[:12]}… is not here any more, and only it may delete")
        return found
