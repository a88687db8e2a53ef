"""Threads as commands and the API show and list them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from agentvoice.core.call import PublicationState
from agentvoice.protocols.publication_documents import (
    PublicationDocument,
    PublicationSummary,
    publication_summary,
)
from agentvoice.services.call_document import find_call_id, read_publication_document
from agentvoice.storage.database import Database
from agentvoice.storage.publications import list_publications
from agentvoice.storage.relay_counts import RelayCount, count_relays


def read_publication_page(
    database: Database,
    state: PublicationState | None,
    before: str,
    limit: int,
    calls: Collection[str] | None = None,
) -> list[PublicationSummary]:
    """Return a page of threads, the newest first; the next is `before` the last call of this one.

    `calls`: only the threads of these.
    """
    with database.reading() as session:
        found = list_publications(session, state=state, before=before, limit=limit, calls=calls)
        counts = count_relays(session, [each.call_id for each in found])
    page = []
    for each in found:
        count = counts.get(each.call_id, RelayCount())
        page.append(
            publication_summary(
                each,
                relays=count.relays,
                complete_relays=count.complete,
                next_attempt_at=count.next_attempt_at,
            )
        )
    return page


class PublicationPages:
    """Reads threads for the API, off the event loop. `embedded_address`: where the embedded relay is."""

    def __init__(self, database: Database, embedded_address: Callable[[], str], accepted_relays: int) -> None:
        self._database = database
        self._embedded_address = embedded_address
        self._accepted_relays = accepted_relays

    async def show(self, call: str, *, for_caller: bool = False) -> tuple[str, PublicationDocument]:
        """Return a call's id (`call` may be `last`) and its thread. Raises NotFound or a StorageError.

        `for_caller`: as its caller may see it (services.call_document).
        """

        def read() -> tuple[str, PublicationDocument]:
            found = find_call_id(self._database, call)
            return found, read_publication_document(
                self._database,
                found,
                self._embedded_address(),
                self._accepted_relays,
                for_caller=for_caller,
            )

        return await asyncio.to_thread(read)

    async def find(self, call: str) -> str:
        """Return a call's id: `call` itself, or of the newest call for `last`. Raises a StorageError."""
        return await asyncio.to_thread(find_call_id, self._database, call)

    async def page(self, state: PublicationState | None, before: str, limit: int) -> list[PublicationSummary]:
        """Return a page of threads, the newest first. Raises a StorageError."""
        return await asyncio.to_thread(read_publication_page, self._database, state, before, limit)
