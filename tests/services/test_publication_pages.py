"""Threads as the API and commands list them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.core.call import PublicationState
from agentvoice.errors import NotFound
from agentvoice.services.publication_pages import PublicationPages
from tests.fakes.relay_server import relay_server
from tests.services.press import CALL_ID, Press


async def test_threads_are_shown_and_counted_by_relay(tmp_path: Path):
    """One relay has it all, the other none: the list says 1 of 2 and when it goes on."""
    async with relay_server() as good, relay_server(on_event=None) as silent:
        press = Press(tmp_path, good.address, silent.address)
        press.finish_call()
        publisher = press.publisher()
        await publisher.prepare(CALL_ID)
        await publisher.deliver_due()
        pages = PublicationPages(press.database, str, 2)
        (summary,) = await pages.page(PublicationState.PUBLISHED, "", 10)
        assert (summary.relays, summary.complete_relays) == (2, 1)
        assert summary.next_attempt_at is not None
        call, document = await pages.show("last")
        assert (call, [each.has_all for each in document.relays]) == (CALL_ID, [True, False])
        assert document.relays[1].reason == "no-answer"
        with pytest.raises(NotFound):
            await pages.show("f" * 32)
        await press.close()
