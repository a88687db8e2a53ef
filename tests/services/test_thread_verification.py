"""Threads read back from real relays, and from relays that lie."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryState
from agentvoice.core.event import UnsignedEvent
from agentvoice.errors import NotFound, PublishError, Refused
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.services import thread_verification
from agentvoice.services.publisher import Publisher
from agentvoice.services.thread_verification import RelayCheck
from agentvoice.storage import conversations
from agentvoice.storage.unpublications import unpublish
from tests.fakes.nostr_relays import local_relay
from tests.fakes.relay_server import accept, give, relay_server
from tests.services.press import CALL_ID, Press


@pytest.fixture
async def relay() -> AsyncIterator[str]:
    async with local_relay() as address:
        yield address


async def published(tmp_path: Path, *relays: str, **project: Any) -> tuple[Press, Publisher]:
    press = Press(tmp_path, *relays, **project)
    press.finish_call()
    publisher = press.publisher()
    await publisher.prepare(CALL_ID)
    await publisher.deliver_due()
    return press, publisher


async def post(press: Press, relay: str, who: str, *tags: tuple[str, ...]) -> str:
    """Put a note in somebody's name on the relay, beside the thread."""
    signer = await press.keys.load(f"file:{encode_npub(press.pubkeys[who])}")
    session = (("t", "voice-conversation"), ("realtime-session", CALL_ID), *tags)
    event = await signer.sign(
        UnsignedEvent(signer.pubkey, press.clock.utc_ms() // 1_000, 1, session, "again")
    )
    assert (await press.relays.publish(relay, event)).accepted
    return event.id


async def test_every_relay_is_read_not_only_the_first(tmp_path: Path, relay: str):
    """Two relays have all of it and are verified, each for itself; one can be asked alone."""
    async with local_relay() as second:
        press, publisher = await published(tmp_path, relay, second, chained=True)
        checks = await publisher.verify_relays(CALL_ID)
        assert [(check.relay, check.is_verified, check.found) for check in checks] == [
            (relay, True, 4), (second, True, 4),
        ]  # fmt: skip
        assert [check.relay for check in await publisher.verify_relays(CALL_ID, second)] == [second]
        with pytest.raises(NotFound, match=r"relay 'wss://x': call .* has no delivery to it"):
            await publisher.verify_relays(CALL_ID, "wss://x")
        await press.close()


async def test_a_second_root_in_our_name_is_found(tmp_path: Path, relay: str):
    """A thread that was signed twice would be two; a note of the session that is not stored is told too."""
    press, publisher = await published(tmp_path, relay)
    second = await post(press, relay, "project")
    root = (await publisher.publication(CALL_ID)).events[0].event
    note = await post(press, relay, "ada", ("e", root.id, "", "root", root.pubkey))
    (check,) = await publisher.verify_relays(CALL_ID)
    assert not check.is_verified
    assert set(check.problems) == {
        f"event {second[:12]}…: a second root of this session",
        f"event {note[:12]}…: another note of this session",
    }
    await press.close()


async def test_a_strangers_note_under_the_session_is_not_ours(tmp_path: Path, relay: str):
    """Anybody may write the session's id into a tag: that spoils nothing."""
    press, publisher = await published(tmp_path, relay)
    press._add_key("stranger")
    press.pubkeys["stranger"] = press._add_key("another stranger")
    await post(press, relay, "stranger")
    assert [check.is_verified for check in await publisher.verify_relays(CALL_ID)] == [True]
    await press.close()


async def test_many_notes_are_looked_through_in_pages(
    tmp_path: Path, relay: str, monkeypatch: pytest.MonkeyPatch
):
    """A relay gives a page at a time; what stands behind the first page is found as well."""
    monkeypatch.setattr(thread_verification, "PAGE_EVENTS", 2)
    press, publisher = await published(tmp_path, relay)
    await post(press, relay, "ada")
    (check,) = await publisher.verify_relays(CALL_ID)
    assert [problem.partition(": ")[2] for problem in check.problems] == ["a second root of this session"]
    await press.close()


async def test_a_reply_to_what_comes_later_is_found(tmp_path: Path, relay: str):
    """In a chain each note replies to the one before it."""
    press, publisher = await published(tmp_path, relay, chained=True)
    publication = await publisher.publication(CALL_ID)
    root, first, second, third = publication.events
    swapped = replace(
        publication, events=(root, replace(first, position=2), replace(second, position=1), third)
    )
    (check,) = await publisher._verification.check_relays(swapped)
    assert [problem.partition(": ")[2] for problem in check.problems] == [
        f"it replies to {first.event.id[:12]}…, which does not come before it in the thread"
    ]
    await press.close()


async def test_a_relay_that_is_gone_is_not_verified(tmp_path: Path):
    """What cannot be read is no proof; the other relays are still asked."""
    async with local_relay() as stays:
        async with local_relay() as gone:
            press, publisher = await published(tmp_path, gone, stays)
        await press.relays.close()
        first, second = await publisher.verify_relays(CALL_ID)
        assert (first.is_verified, first.found, second.is_verified) == (False, 0, True)
        assert first.problems[0].startswith("it cannot be read: ")
        await press.close()


async def test_without_a_whole_thread_there_is_nothing_to_verify(tmp_path: Path):
    """It says where the thread stands; a relay that is asked for by name is read all the same."""
    async with relay_server(on_event=None) as silent:
        silent.on_request = give(silent, set())  # the root came, though it was never answered
        press, publisher = await published(tmp_path, silent.address)
        with pytest.raises(PublishError, match=r"no relay has the whole thread \(queued\)"):
            await publisher.verify_relays(CALL_ID)
        (check,) = await publisher.verify_relays(CALL_ID, silent.address)
        assert (check.is_verified, check.found, check.lost) == (False, 1, ())
        await press.close()


async def test_what_a_lying_relay_lost_is_sent_again(tmp_path: Path):
    """It said true and has not got it: shown as lost, queued by the operator, sent and then verified."""
    async with relay_server(on_event=accept) as liar:
        press, publisher = await published(tmp_path, liar.address)
        assert (await publisher.publication(CALL_ID)).state is PublicationState.PUBLISHED
        lost = {(await publisher.publication(CALL_ID)).events[2].event.id}
        liar.on_request = give(liar, lost)
        checks = await publisher.verify_relays(CALL_ID)
        assert [(check.found, set(check.lost)) for check in checks] == [(3, lost)]
        assert await publisher.resend_lost(CALL_ID, checks) == 1
        publication = await publisher.publication(CALL_ID)
        waiting = [each for each in publication.deliveries if each.state is DeliveryState.WAITING]
        assert ({each.event_id for each in waiting}, publication.state) == (lost, PublicationState.QUEUED)
        lost.clear()
        assert await publisher.deliver_due() == 1
        assert [check.is_verified for check in await publisher.verify_relays(CALL_ID)] == [True]
        assert (await publisher.publication(CALL_ID)).state is PublicationState.PUBLISHED
        await press.close()


async def test_a_call_that_may_not_be_published_any_more_is_not_sent_again(tmp_path: Path, relay: str):
    """Whatever a relay lost of it."""
    press, publisher = await published(tmp_path, relay)
    with press.database.writing() as session:
        conversations.set_do_not_publish(session, CALL_ID)
    with pytest.raises(Refused, match="not to be published any more"):
        await publisher.resend_lost(CALL_ID, (RelayCheck(relay, 0, 4, ("e",), ("lost",)),))
    await press.close()


async def test_a_thread_that_was_taken_back_is_gone_when_nothing_of_it_is_left(tmp_path: Path, relay: str):
    """A real relay heeds the deletions and is verified; one that keeps the thread is told, not asked anew."""
    async with relay_server(on_event=accept) as keeper:
        keeper.on_request = give(keeper, set())
        press, publisher = await published(tmp_path, relay, keeper.address)
        with press.database.writing() as session:
            unpublish(session, CALL_ID, press.clock.utc_ms())
        await publisher.sweep()
        heeds, keeps = await publisher.verify_relays(CALL_ID)
        assert (heeds.relay, heeds.is_verified, heeds.found, heeds.expected) == (relay, True, 0, 0)
        assert (keeps.is_verified, keeps.found, keeps.lost) == (False, 4, ())
        assert keeps.problems == ("it still has 4 of 4 events that were taken back",)
        await press.close()


async def test_a_thread_that_was_taken_back_is_not_proved_by_a_relay_that_is_away(tmp_path: Path):
    """What cannot be asked may still have it."""
    async with local_relay() as gone:
        press, publisher = await published(tmp_path, gone)
    with press.database.writing() as session:
        unpublish(session, CALL_ID, press.clock.utc_ms())
    await press.relays.close()
    (check,) = await publisher.verify_relays(CALL_ID)
    assert not check.is_verified
    assert check.problems[0].startswith("it cannot be read: ")
    await press.close()
