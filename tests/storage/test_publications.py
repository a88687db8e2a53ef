from __future__ import annotations

import threading

import pytest
from sqlalchemy import update

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryEvent, DeliveryState
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import NotFound, Refused
from agentvoice.storage import conversations, preparations, publications, reviews
from agentvoice.storage.database import Database
from agentvoice.storage.deliveries import record_outcome, start_attempt
from agentvoice.storage.publication_models import DeliveryRow
from tests.storage.threads import CALL_ID, RELAYS, ended_call, event, store
from tests.storage.values import NOW, call, hex_id


def test_a_failure_has_its_reason_and_can_be_retried(database: Database):
    """A thread that cannot be signed says why, is left alone, and is queued again by a retry."""
    ended_call(database)
    with database.writing() as session:
        assert preparations.fail_preparation(session, CALL_ID, "no key signs for max")
        failed = publications.get_publication(session, CALL_ID)
        assert (failed.state, failed.error) == (PublicationState.FAILED, "no key signs for max")
        assert preparations.list_unprepared(session, NOW, 10) == ()
        publications.retry_publication(session, CALL_ID, NOW, 1)
        assert publications.get_publication(session, CALL_ID).error == ""
        assert preparations.list_unprepared(session, NOW, 10) == (CALL_ID,)


def test_the_list_is_newest_first_in_pages(database: Database):
    """Calls with a thread, or on the way to one, by page and by state."""
    for number in range(1, 6):
        ended_call(database, number)
    ended_call(database, 6, policy=PublishPolicy.OFF)
    with database.writing() as session:
        preparations.fail_preparation(session, hex_id(2), "x")
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
        for ask in (publications.get_publication, reviews.approve_publication):
            with pytest.raises(NotFound, match="no such call"):
                ask(session, "f" * 32)
        with pytest.raises(NotFound):
            publications.drop_publication(session, "f" * 32, NOW, 1)


def test_two_daemons_that_record_the_last_outcomes_at_once_see_each_other(patient_database: Database):
    """Each has the last event for its relay accepted; both relays are wanted, so the call is published."""
    database = patient_database
    for number in range(1, 6):
        call_id = ended_call(database, number)
        store(database, call_id, (event(10 * number), event(10 * number + 1)))
        meet = threading.Barrier(2)

        def record(relay: str, call_id=call_id, meet=meet) -> None:
            with database.writing() as session:
                of_relay = update(DeliveryRow).where(
                    DeliveryRow.call_id == call_id, DeliveryRow.relay == relay
                )
                session.execute(of_relay.values(state=DeliveryState.ACCEPTED.value))
                if not database.is_sqlite:  # there one writes after the other
                    meet.wait(30)
                publications.refresh_publication(session, call_id, 2, NOW)

        threads = [threading.Thread(target=record, args=(relay,)) for relay in RELAYS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with database.reading() as session:
            found = publications.get_publication(session, call_id)
        assert (found.state, found.relays_with_all()) == (PublicationState.PUBLISHED, RELAYS)
