"""What an operator decides about threads: try again, give up, approve, reject, edit, take back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from agentvoice.core.ports import Clock
from agentvoice.errors import NotFound
from agentvoice.protocols.nostr.clean import clean_text
from agentvoice.protocols.publication_documents import PublicationChange, ResendChange, UnpublishChange
from agentvoice.protocols.review_documents import ReviewDocument
from agentvoice.services.publisher import Publisher
from agentvoice.services.review_copy import read_review_copy, read_review_document
from agentvoice.services.unpublishing import unpublish_call
from agentvoice.storage import publications, reviews
from agentvoice.storage.database import Database
from agentvoice.storage.transactions import write


class PublicationDesk:
    """Each decision is one transaction; `wake` has the publisher act on it without waiting for its sweep."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        accepted_relays: int,
        wake: Callable[[], None],
        publisher: Publisher,
    ) -> None:
        self._database = database
        self._clock = clock
        self._accepted_relays = accepted_relays
        self._wake = wake
        self._publisher = publisher

    async def retry(self, call_id: str, relay: str = "") -> PublicationChange:
        """Queue again what did not get through. Raises NotFound or Refused."""
        now = self._clock.utc_ms()
        return await self._decide(
            call_id,
            lambda session: publications.retry_publication(
                session, call_id, now, self._accepted_relays, relay
            ),
        )

    async def resend(self, call_id: str, relay: str = "") -> ResendChange:
        """Read a thread back, and queue again what its relays accepted and lost, with all else that is missing.

        Reading takes as long as the slowest relay. Raises NotFound, Refused, or PublishError if no
        relay has all of it.
        """
        checks = await self._publisher.verify_relays(call_id, relay)
        lost = await self._publisher.resend_lost(call_id, checks)
        change = await self.retry(call_id, relay)
        return ResendChange(
            change.call, change.deliveries, change.state, lost, [check.document() for check in checks]
        )

    async def unpublish(self, call_id: str) -> UnpublishChange:
        """Take a thread back, for good; relays are asked to delete it. Raises NotFound or Refused."""
        now = self._clock.utc_ms()
        change = await asyncio.to_thread(unpublish_call, self._database, call_id, now)
        self._wake()
        return change

    async def drop(self, call_id: str, relay: str = "") -> PublicationChange:
        """Give up what no relay has accepted yet. Raises NotFound or Refused."""
        now = self._clock.utc_ms()
        return await self._decide(
            call_id,
            lambda session: publications.drop_publication(
                session, call_id, now, self._accepted_relays, relay
            ),
        )

    async def approve(self, call_id: str) -> PublicationChange:
        """Let a call that waits for review be published. Raises NotFound or Refused."""
        return await self._decide(call_id, lambda session: reviews.approve_publication(session, call_id))

    async def reject(self, call_id: str, reason: str = "") -> PublicationChange:
        """Never publish a call that waits for review. Raises NotFound or Refused."""
        return await self._decide(
            call_id, lambda session: reviews.reject_publication(session, call_id, reason)
        )

    async def review(self, call_id: str) -> ReviewDocument:
        """Return the very copy that would be published. Raises NotFound."""
        return await read_review_document(self._database, call_id)

    async def edit(self, call_id: str, number: int, text: str | None) -> ReviewDocument:
        """Publish `text` instead of a turn, nothing for "", what was said for None; turns count from 1.

        Raises NotFound, or Refused if the call does not wait for review.
        """
        await write(self._database, lambda session: reviews.edit_turns(session, call_id, {}, 0))
        copy = await read_review_copy(self._database, call_id)
        if not 1 <= number <= len(copy.spoken):
            raise NotFound(f"turn: got {number}, want 1 to {len(copy.spoken)}")
        turn = copy.spoken[number - 1]
        cleaned = None if text is None else clean_text(text)
        edits = {turn.position: None if cleaned == turn.text else cleaned}
        now = self._clock.utc_ms()
        await write(
            self._database, lambda session: reviews.edit_turns(session, call_id, edits, now), durable=True
        )
        return await self.review(call_id)

    async def _decide(self, call_id: str, decision: Callable[[Any], int | None]) -> PublicationChange:
        def decide(session: Any) -> PublicationChange:
            count = decision(session) or 0
            state = publications.get_publication(session, call_id).state
            return PublicationChange(call_id, count, state.value)

        change = await write(self._database, decide, durable=True)
        self._wake()
        return change
