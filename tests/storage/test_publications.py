from __future__ import annotations

import pytest

from agentvoice.core.call import EndReason, PublicationState
from agentvoice.core.delivery import DeliveryEvent, DeliveryState
from agentvoice.core.event import SignedEvent
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import NotFound, Refused
from agentvoice.storage import conversations, publications
from agentvoice.storage.database import Database
from agentvoice.storage.deliveries import record_outcome, start_attempt
from tests.storage.values import NOW, call, hex_id, item

CALL_ID = hex_id(1)
RELAYS = ("embedded", "wss://r.example")
LOCK_MS = 30_000


def event(number: int, content: str = "hello") -> SignedEvent:
    return SignedEvent(
        f"{number:064x}", "a" * 64, 1_700_000_000 + number, 1, (("t", "ä"),), content, "c" * 128
    )


EVENTS = (event(1), event(2, "Grüße 😀\n"), event(3))


def ended_call(database: Database, number: int = 1, text: str = "hi", **changes: object) -> str:
    made = call(number, **changes)
    with database.writing() as session:
        conversations.create_call(session, made)
        conversations.upsert_item(session, made.id, item(number, text=text))
        conversations.end_call(session, made.id, EndReason.CALLER, NOW + number)
    return made.id


def store(database: Database, call_id: str = CALL_ID, events: tuple[SignedEvent, ...] = EVENTS) -> bool:
    with database.writing(durable=True) as session:
        return publications.store_thread(session, call_id, events, RELAYS, NOW)


def test_a_thread_is_stored_with_all_its_deliveries(database: Database):
    """Events come back byte for byte by position, each with one waiting delivery per relay."""
    ended_call(database)
    assert store(database)
    with database.reading() as session:
        found = publications.get_publication(session, CALL_ID)
    assert tuple(stored.event for stored in found.events) == EVENTS
    assert [stored.position for stored in found.events] == [0, 1, 2]
    assert [(d.event_id, d.relay, d.is_root) for d in found.deliveries] == [
        (e.id, relay, e is EVENTS[0]) for e in EVENTS for relay in RELAYS
    ]
    assert {(d.state, d.attempts, d.next_attempt_at) for d in found.deliveries} == {
        (DeliveryState.WAITING, 0, NOW)
    }
    assert (found.state, found.prepared_at, found.published_at) == (PublicationState.QUEUED, NOW, 0)


def test_a_thread_is_stored_once(database: Database):
    """A second thread of the same call is refused whole, whoever signed it."""
    ended_call(database)
    assert store(database)
    assert not store(database, events=(event(7), event(8)))
    with database.reading() as session:
        assert len(publications.get_publication(session, CALL_ID).events) == 3


def test_storing_is_all_or_nothing(database: Database):
    """If the transaction does not commit, neither events nor deliveries nor the mark are there."""
    ended_call(database)
    with pytest.raises(ZeroDivisionError), database.writing() as session:
        publications.store_thread(session, CALL_ID, EVENTS, RELAYS, NOW)
        raise ZeroDivisionError
    with database.reading() as session:
        found = publications.get_publication(session, CALL_ID)
    assert (found.events, found.deliveries, found.prepared_at) == ((), (), 0)
    assert store(database)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"policy": PublishPolicy.OFF}, PublicationState.NONE),
        ({"policy": PublishPolicy.REVIEW}, PublicationState.REVIEW),
        ({"do_not_publish": True}, PublicationState.NONE),
    ],
)
def test_what_may_not_be_published_cannot_be_stored(
    database: Database, changes: dict, state: PublicationState
):
    """Neither claimed nor stored while off, refused or unreviewed."""
    ended_call(database, **changes)
    with database.writing() as session:
        assert not publications.claim_preparation(session, CALL_ID, "me", NOW, NOW + LOCK_MS)
    assert not store(database)
    with database.reading() as session:
        assert publications.list_unprepared(session, NOW, 10) == ()
        assert publications.get_publication(session, CALL_ID).state is state


def test_a_live_call_is_not_prepared(database: Database):
    """Only an ended call waits to be signed."""
    with database.writing() as session:
        conversations.create_call(session, call())
        assert not publications.claim_preparation(session, CALL_ID, "me", NOW, NOW + LOCK_MS)


def test_one_process_signs_at_a_time(database: Database):
    """A claim holds until its time or its release, for everybody."""
    ended_call(database)
    with database.writing() as session:
        assert publications.claim_preparation(session, CALL_ID, "one", NOW, NOW + LOCK_MS)
        assert not publications.claim_preparation(session, CALL_ID, "two", NOW, NOW + LOCK_MS)
        assert publications.list_unprepared(session, NOW, 10) == ()
        publications.release_preparation(session, CALL_ID, "two")
        assert not publications.claim_preparation(session, CALL_ID, "two", NOW, NOW + LOCK_MS)
        publications.release_preparation(session, CALL_ID, "one")
        assert publications.claim_preparation(session, CALL_ID, "two", NOW, NOW + LOCK_MS)
        later = NOW + LOCK_MS
        assert publications.list_unprepared(session, later, 10) == (CALL_ID,)
        assert publications.claim_preparation(session, CALL_ID, "three", later, later + LOCK_MS)


def test_a_failure_has_its_reason_and_can_be_retried(database: Database):
    """A thread that cannot be signed says why, is left alone, and is queued again by a retry."""
    ended_call(database)
    with database.writing() as session:
        assert publications.fail_preparation(session, CALL_ID, "no key signs for max")
        failed = publications.get_publication(session, CALL_ID)
        assert (failed.state, failed.error) == (PublicationState.FAILED, "no key signs for max")
        assert publications.list_unprepared(session, NOW, 10) == ()
        publications.retry_publication(session, CALL_ID, NOW, 1)
        assert publications.get_publication(session, CALL_ID).error == ""
        assert publications.list_unprepared(session, NOW, 10) == (CALL_ID,)


def test_a_call_without_a_turn_has_no_thread(database: Database):
    """Storing no events ends the matter: nothing is queued."""
    ended_call(database)
    assert store(database, events=())
    with database.reading() as session:
        assert publications.get_publication(session, CALL_ID).state is PublicationState.NONE


def test_review(database: Database):
    """Approved it is queued, rejected it never will be; a second word changes nothing."""
    for number in (1, 2):
        ended_call(database, number, policy=PublishPolicy.REVIEW)
    with database.writing() as session:
        assert publications.approve_publication(session, hex_id(1))
        assert not publications.reject_publication(session, hex_id(1))
        assert publications.reject_publication(session, hex_id(2))
        assert not publications.approve_publication(session, hex_id(2))
        assert publications.list_unprepared(session, NOW, 10) == (hex_id(1),)


def test_the_list_is_newest_first_in_pages(database: Database):
    """Calls with a thread, or on the way to one, by page and by state."""
    for number in range(1, 6):
        ended_call(database, number)
    ended_call(database, 6, policy=PublishPolicy.OFF)
    with database.writing() as session:
        publications.fail_preparation(session, hex_id(2), "x")
        page = publications.list_publications(session, limit=2)
        assert [found.call_id for found in page] == [hex_id(5), hex_id(4)]
        rest = publications.list_publications(session, before=page[-1].call_id)
        assert [found.call_id for found in rest] == [hex_id(3), hex_id(2), hex_id(1)]
        failed = publications.list_publications(session, state=PublicationState.FAILED)
        assert [found.call_id for found in failed] == [hex_id(2)]


def test_dropping_and_retrying_one_relay(database: Database):
    """What is meant for one relay leaves the other's deliveries alone; what is accepted stays."""
    ended_call(database)
    store(database)
    with database.writing() as session:
        first = publications.get_publication(session, CALL_ID).deliveries[0]
        attempt = start_attempt(session, first.id, "me", NOW, NOW + 1, NOW + 1)
        assert attempt is not None
        record_outcome(session, attempt, DeliveryEvent.ACCEPTED, "", NOW, 1)
        assert publications.drop_publication(session, CALL_ID, NOW, 1, relay="wss://r.example") == 3
        assert publications.drop_publication(session, CALL_ID, NOW, 1) == 2
        found = publications.get_publication(session, CALL_ID)
        assert [d.state for d in found.deliveries].count(DeliveryState.ACCEPTED) == 1
        assert found.state is PublicationState.PARTIAL
        assert publications.retry_publication(session, CALL_ID, NOW + 5, 1, relay="embedded") == 2
        found = publications.get_publication(session, CALL_ID)
        assert found.state is PublicationState.QUEUED
        assert {d.next_attempt_at for d in found.deliveries if d.state is DeliveryState.WAITING} == {NOW + 5}
        with pytest.raises(NotFound, match="wss://other"):
            publications.retry_publication(session, CALL_ID, NOW, 1, relay="wss://other")


def test_dropping_before_signing(database: Database):
    """A dropped call is never signed."""
    ended_call(database)
    with database.writing() as session:
        publications.drop_publication(session, CALL_ID, NOW, 1)
    assert not store(database)


def test_dropping_a_live_call_is_refused(database: Database):
    """It would be queued again at its end: the operator is told what to do instead."""
    with database.writing() as session:
        conversations.create_call(session, call(1))
    with database.writing() as session, pytest.raises(Refused, match="it has not ended"):
        publications.drop_publication(session, CALL_ID, NOW, 1)


def test_an_unknown_call_is_not_found(database: Database):
    """Every question about a call that is not there is answered alike."""
    with database.writing() as session:
        for ask in (publications.get_publication, publications.approve_publication):
            with pytest.raises(NotFound, match="no such call"):
                ask(session, "f" * 32)
        with pytest.raises(NotFound):
            publications.drop_publication(session, "f" * 32, NOW, 1)
