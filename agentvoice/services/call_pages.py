"""Calls of now and before, as the API shows, lists and searches them, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agentvoice.core.call import CallState
from agentvoice.protocols.documents import CallDocument, CallSummary, call_summary
from agentvoice.services.call_document import find_call_id, read_call_document
from agentvoice.storage.conversations import list_calls
from agentvoice.storage.database import Database
from agentvoice.storage.transactions import read

MAX_WORDS = 8
"""Words of a search that are looked for; each costs a look into the texts."""


class CallPages:
    """`embedded_address` gives where the embedded relay is, `accepted_relays` how many must have a thread."""

    def __init__(self, database: Database, embedded_address: Callable[[], str], accepted_relays: int) -> None:
        self._database = database
        self._embedded_address = embedded_address
        self._accepted_relays = accepted_relays

    async def page(
        self,
        query: str = "",
        *,
        project: str = "",
        agent: str = "",
        state: CallState | None = None,
        before: str = "",
        limit: int,
    ) -> list[CallSummary]:
        """Return a page of calls that mention every word of `query`, the newest first."""
        found = await read(
            self._database,
            lambda session: list_calls(
                session,
                project=project,
                agent=agent,
                state=state,
                words=query.split()[:MAX_WORDS],
                before=before,
                limit=limit,
            ),
        )
        return [call_summary(each) for each in found]

    async def show(self, call: str) -> CallDocument:
        """Return a call's document; `call` may be `last`. Raises NotFound."""

        def show() -> CallDocument:
            found = find_call_id(self._database, call)
            return read_call_document(self._database, found, self._embedded_address(), self._accepted_relays)

        return await asyncio.to_thread(show)
