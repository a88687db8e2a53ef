from __future__ import annotations

import pytest

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryPurpose, DeliveryState
from agentvoice.core.project import PublishPolicy
from agentvoice.storage import conversations, preparations, publications
from agentvoice.storage.database import Database
from tests.storage.threads import CALL_ID, EVENTS, RELAYS, ended_call, event, store
from tests.storage.values import NOW, call, hex_id

LOCK_MS = 30_000


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
    assert {(d.state, d.attempts, d.next_attempt_at, d.purpose) for d in found.deliveries} == {
        (DeliveryState.WAITING, 0, NOW, DeliveryPurpose.THREAD)
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
        preparations.store_thread(session, CALL_ID, EVENTS, RELAYS, NOW)
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
        assert not preparations.claim_preparation(session, CALL_ID, "me", NOW, NOW + LOCK_MS)
    assert not store(database)
    with database.reading() as session:
        assert preparations.list_unprepared(session, NOW, 10) == ()
        assert publications.get_publication(session, CALL_ID).state is state


def test_a_live_call_is_not_prepared(database: Database):
    """Only an ended call waits to be signed."""
    with database.writing() as session:
        conversations.create_call(session, call())
        assert not preparations.claim_preparation(session, CALL_ID, "me", NOW, NOW + LOCK_MS)


def test_one_process_signs_at_a_time(database: Database):
    """A claim holds until its time or its release, for everybody."""
    ended_call(database)
    with database.writing() as session:
        assert preparations.claim_preparation(session, CALL_ID, "one", NOW, NOW + LOCK_MS)
        assert not preparations.claim_preparation(session, CALL_ID, "two", NOW, NOW + LOCK_MS)
        assert preparations.list_unprepared(session, NOW, 10) == ()
        preparations.release_preparation(session, CALL_ID, "two")
        assert not preparations.claim_preparation(session, CALL_ID, "two", NOW, NOW + LOCK_MS)
        preparations.release_preparation(session, CALL_ID, "one")
        assert preparations.claim_preparation(session, CALL_ID, "two", NOW, NOW + LOCK_MS)
        later = NOW + LOCK_MS
        assert preparations.list_unprepared(session, later, 10) == (CALL_ID,)
        assert preparations.claim_preparation(session, CALL_ID, "three", later, later + LOCK_MS)


def test_a_call_without_a_turn_has_no_thread(database: Database):
    """Storing no events ends the matter: nothing is queued."""
    ended_call(database)
    assert store(database, events=())
    with database.reading() as session:
        assert publications.get_publication(session, CALL_ID).state is PublicationState.NONE


def test_calls_that_wait_to_be_signed_come_in_pages(database: Database):
    """Those that cannot be signed here are passed by, not looked at for ever."""
    for number in (1, 2, 3):
        ended_call(database, number)
    with database.reading() as session:
        page = preparations.list_unprepared(session, NOW, 2)
        assert page == (hex_id(1), hex_id(2))
        assert preparations.list_unprepared(session, NOW, 2, page[-1]) == (hex_id(3),)
