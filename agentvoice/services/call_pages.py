"""Calls of now and before, as the API shows, lists and searches them, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agentvoice.core.call import CallState
from agentvoice.protocols.documents import CallDocument, CallSummary, call_summary
from agentvoice.services.call_document import find_call_id, read_call_document
from agentvoice.storage.callers import find_own_call
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
        caller: str | None = None,
    ) -> list[CallSummary]:
        """Return a page of calls that mention every word of `query`, the newest first.

        `caller`: only calls that it made.
        """
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
                caller=caller,
            ),
        )
        return [call_summary(each) for each in found]

    async def find_own(self, call: str, caller: str) -> str:
        """Return the id of a caller's call (`last`: its newest). Raises NotFound, for somebody else's too."""
        return await read(self._database, lambda session: find_own_call(session, call, caller))

    async def show(self, call: str, *, for_caller: bool = False) -> CallDocument:
        """Return a call's document; `call` may be `last`. Raises NotFound.

        `for_caller`: as its caller may see it (services.call_document).
        """

        def show() -> CallDocument:
            found = find_call_id(self._database, call)
            return read_call_document(
                self._database,
                found,
                self._embedded_address(),
                self._accepted_relays,
                for_caller=for_caller,
            )

        return await asyncio.to_thread(show)
