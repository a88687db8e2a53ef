"""Decisions about threads; what goes over HTTP is in tests/web/test_publications_api.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.core.project import PublishPolicy
from agentvoice.errors import NotFound, PublishError, Refused
from agentvoice.services.publication_desk import PublicationDesk
from agentvoice.storage.reviews import edits_of
from tests.fakes.relay_server import accept, give, relay_server
from tests.services.press import CALL_ID, Press


async def test_each_decision_wakes_the_publisher(tmp_path: Path):
    """What was refused wakes nobody."""
    press, woken = Press(tmp_path), []
    desk = PublicationDesk(press.database, press.clock, 1, lambda: woken.append(True), press.publisher())
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
    desk = PublicationDesk(press.database, press.clock, 1, lambda: None, press.publisher())
    press.finish_call(policy=PublishPolicy.REVIEW)
    for text, kept in (("Good evening.", {0: "Good evening."}), ("Good morning.\x00", {}), ("", {0: ""})):
        await desk.edit(CALL_ID, 1, text)
        with press.database.reading() as session:
            assert edits_of(session, CALL_ID) == kept
    with pytest.raises(NotFound, match="turn: got 4, want 1 to 3"):
        await desk.edit(CALL_ID, 4, "x")
    press.database.close()


async def test_what_a_relay_lost_is_queued_again_with_what_never_came(tmp_path: Path):
    """Read back first: what is there is not sent again, and a dropped event of another relay is."""
    async with relay_server(on_event=accept) as liar:
        press, woken = Press(tmp_path, liar.address, "wss://away.invalid"), []
        publisher = press.publisher()
        desk = PublicationDesk(press.database, press.clock, 1, lambda: woken.append(True), publisher)
        press.finish_call()
        with pytest.raises(PublishError, match="no relay has the whole thread"):
            await desk.resend(CALL_ID)
        await publisher.prepare(CALL_ID)
        assert (await desk.drop(CALL_ID, "wss://away.invalid")).deliveries == 4
        await publisher.deliver_due()
        lost = {(await publisher.publication(CALL_ID)).events[2].event.id}
        liar.on_request = give(liar, lost)
        woken.clear()
        change = await desk.resend(CALL_ID)
        assert (change.call, change.lost, change.deliveries) == (CALL_ID, 1, 5)
        (check,) = change.verification
        assert (check.relay, check.events, check.lost) == (liar.address, 3, list(lost))
        assert woken == [True]
        await press.close()


async def test_a_thread_is_taken_back_and_the_publisher_woken(tmp_path: Path):
    """It signs the deletions; a call of which nothing is signed wakes nobody."""
    press, woken = Press(tmp_path, "wss://relay.example"), []
    publisher = press.publisher()
    desk = PublicationDesk(press.database, press.clock, 1, lambda: woken.append(True), publisher)
    press.finish_call()
    with pytest.raises(Refused, match="nothing of it is signed"):
        await desk.unpublish(CALL_ID)
    await publisher.prepare(CALL_ID)
    change = await desk.unpublish(CALL_ID)
    assert (change.call, change.state, change.relays) == (CALL_ID, "none", [])
    assert woken == [True]
    await press.close()
