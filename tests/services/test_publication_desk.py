"""Decisions about threads; what goes over HTTP is in tests/web/test_publications_api.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.core.project import PublishPolicy
from agentvoice.errors import NotFound, Refused
from agentvoice.services.publication_desk import PublicationDesk
from agentvoice.storage.reviews import edits_of
from tests.services.press import CALL_ID, Press


async def test_each_decision_wakes_the_publisher(tmp_path: Path):
    """What was refused wakes nobody."""
    press, woken = Press(tmp_path), []
    desk = PublicationDesk(press.database, press.clock, 1, lambda: woken.append(True))
    press.finish_call(policy=PublishPolicy.REVIEW)
    assert (await desk.approve(CALL_ID)).state == "queued"
    with pytest.raises(Refused):
        await desk.approve(CALL_ID)
    assert (await desk.drop(CALL_ID)).state == "none"
    with pytest.raises(NotFound):
        await desk.retry("f" * 32)
    assert len(woken) == 2
    press.database.close()


async def test_a_text_that_was_said_is_no_edit(tmp_path: Path):
    """Cleaned as it would be published, it is compared with what was said."""
    press = Press(tmp_path)
    desk = PublicationDesk(press.database, press.clock, 1, lambda: None)
    press.finish_call(policy=PublishPolicy.REVIEW)
    for text, kept in (("Good evening.", {0: "Good evening."}), ("Good morning.\x00", {}), ("", {0: ""})):
        await desk.edit(CALL_ID, 1, text)
        with press.database.reading() as session:
            assert edits_of(session, CALL_ID) == kept
    with pytest.raises(NotFound, match="turn: got 4, want 1 to 3"):
        await desk.edit(CALL_ID, 4, "x")
    press.database.close()
