from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.core.call import CallState
from agentvoice.errors import NotFound
from agentvoice.services.call_pages import MAX_WORDS, CallPages
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
