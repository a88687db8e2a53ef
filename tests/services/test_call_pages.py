from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agentvoice.core.call import CallState
from agentvoice.errors import NotFound
from agentvoice.services.call_pages import MAX_WORDS, CallPages
from agentvoice.services.publication_pages import PublicationPages
from tests.services.press import CALL_ID, Press


async def test_calls_are_found_by_words_and_shown(tmp_path: Path):
    """Each word must be in it; more words than are looked for are not an error."""
    press = Press(tmp_path, title="The big garden")
    press.finish_call()
    pages = CallPages(press.database, str, 1)
    for query, found in (("", 1), ("morning max", 1), ("GARDEN", 1), ("harbour", 0), ("a " * 50, 1)):
        assert len(await pages.page(query, limit=10)) == found, query
    assert await pages.page(f"{'a ' * MAX_WORDS}harbour", limit=10)
    assert await pages.page(state=CallState.LIVE, limit=10) == []
    assert (await pages.show("last")).id == CALL_ID
    with pytest.raises(NotFound):
        await pages.show("f" * 32)
    press.database.close()


async def test_a_caller_sees_its_own_calls(tmp_path: Path):
    """By page, by id and as `last`; a call of somebody else is not there."""
    press = Press(tmp_path)
    press.finish_call()
    pages = CallPages(press.database, str, 1)
    assert [each.id for each in await pages.page(limit=10, caller="local")] == [CALL_ID]
    assert await pages.page("morning", limit=10, caller="eve") == []
    assert await pages.find_own("last", "local") == await pages.find_own(CALL_ID, "local") == CALL_ID
    for name in ("last", CALL_ID):
        with pytest.raises(NotFound, match="no such call"):
            await pages.find_own(name, "eve")
    press.database.close()


async def test_a_caller_is_not_shown_the_tokens_of_relays(tmp_path: Path):
    """What stands behind the ? of a relay's address is the operator's; its caller sees where a thread went."""
    press = Press(tmp_path, "wss://relay.example/x?token=secret", "embedded")
    press.finish_call()
    await press.publisher().prepare(CALL_ID)
    pages, threads = CallPages(press.database, str, 1), PublicationPages(press.database, str, 1)
    for document in (
        (await pages.show(CALL_ID, for_caller=True)).publication,
        (await threads.show(CALL_ID, for_caller=True))[1],
    ):
        assert {each.relay for each in document.relays} == {"wss://relay.example/x", "embedded"}
        assert b"secret" not in msgspec.json.encode(document)
    assert b"secret" in msgspec.json.encode(await pages.show(CALL_ID))
    await press.close()
