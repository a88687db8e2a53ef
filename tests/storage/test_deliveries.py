from __future__ import annotations

import pytest

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryEvent, DeliveryState
from agentvoice.storage import conversations, deliveries, publications
from agentvoice.storage.database import Database
from agentvoice.storage.deliveries import Attempt
from tests.storage.threads import CALL_ID, EVENTS, ended_call, store
from tests.storage.values import NOW, hex_id

LATER = NOW + 10_000
RELAY, OTHER = "embedded", "wss://r.example"


@pytest.fixture
def prepared(database: Database) -> Database:
    ended_call(database)
    store(database)
    return database


def start(database: Database, relay: str = RELAY, now: int = NOW, owner: str = "me") -> Attempt | None:
    with database.writing() as session:
        due = deliveries.list_due(session, relay, now, 10)
        return (
            deliveries.start_attempt(session, due[0], owner, now, now + 5_000, now + 60_000) if due else None
        )


def finish(
    database: Database, attempt: Attempt | None, outcome: DeliveryEvent, answer: str = "", next_at: int = 0
):
    assert attempt is not None
    with database.writing() as session:
        deliveries.record_outcome(session, attempt, outcome, answer, NOW, 1, next_at)
        return publications.get_publication(session, CALL_ID)


def test_only_roots_are_due_at_first(prepared: Database):
    """Replies become due, by position, once the same relay accepted their root."""
    with prepared.reading() as session:
        assert set(deliveries.list_due_relays(session, NOW)) == {RELAY, OTHER}
        assert len(deliveries.list_due(session, RELAY, NOW, 10)) == 1
    attempt = start(prepared)
    assert attempt is not None
    assert attempt.event == EVENTS[0]
    found = finish(prepared, attempt, DeliveryEvent.ACCEPTED, "stored")
    with prepared.reading() as session:
        due = deliveries.list_due(session, RELAY, NOW, 10)
        assert len(deliveries.list_due(session, OTHER, NOW, 10)) == 1
    events = {d.id: d.event_id for d in found.deliveries}
    assert [events[delivery_id] for delivery_id in due] == [EVENTS[1].id, EVENTS[2].id]


def test_an_attempt_is_made_by_one(prepared: Database):
    """A started attempt is nobody else's until its lock and its time have passed."""
    first = start(prepared)
    assert first is not None
    assert first.delivery.attempts == 1
    with prepared.writing() as session:
        again = deliveries.start_attempt(session, first.delivery.id, "you", NOW + 59_999, 0, 0)
        assert again is None
    second = start(prepared, now=NOW + 60_000, owner="you")
    assert second is not None
    assert (second.delivery.id, second.delivery.attempts) == (first.delivery.id, 2)


def test_who_lost_the_attempt_records_nothing_but_success(prepared: Database):
    """A late failure of a process that was taken for dead changes nothing; a late acceptance counts."""
    first = start(prepared)
    second = start(prepared, now=NOW + 60_000, owner="you")
    found = finish(prepared, first, DeliveryEvent.REJECTED, "blocked: x")
    assert found.deliveries[0].state is DeliveryState.ATTEMPTING
    found = finish(prepared, first, DeliveryEvent.ACCEPTED)
    assert found.deliveries[0].state is DeliveryState.ACCEPTED
    found = finish(prepared, second, DeliveryEvent.POSTPONED, "timeout", LATER)
    assert found.deliveries[0].state is DeliveryState.ACCEPTED


def test_an_acceptance_after_a_drop_counts(prepared: Database):
    """What the relay has, it has, whatever the operator said meanwhile."""
    attempt = start(prepared)
    with prepared.writing() as session:
        publications.drop_publication(session, CALL_ID, NOW, 1)
    found = finish(prepared, attempt, DeliveryEvent.ACCEPTED)
    assert found.deliveries[0].state is DeliveryState.ACCEPTED
    assert found.state is PublicationState.PARTIAL


def test_a_failure_that_may_pass(prepared: Database):
    """It waits for its next time and keeps the relay's words, on one bounded line."""
    found = finish(prepared, start(prepared), DeliveryEvent.POSTPONED, "error:\n" + "x" * 2_000, LATER)
    first = found.deliveries[0]
    assert (first.state, first.next_attempt_at) == (DeliveryState.WAITING, LATER)
    assert len(first.last_answer) == deliveries.MAX_ANSWER_CHARS
    assert "\n" not in first.last_answer
    assert start(prepared, now=LATER - 1) is None
    assert start(prepared, now=LATER) is not None


@pytest.mark.parametrize("outcome", [DeliveryEvent.REJECTED, DeliveryEvent.EXPIRED])
def test_replies_share_a_lost_roots_fate(prepared: Database, outcome: DeliveryEvent):
    """On that relay only; the other one goes on."""
    found = finish(prepared, start(prepared), outcome, "because")
    fates = {d.state for d in found.deliveries if d.relay == RELAY}
    assert fates == {DeliveryState(outcome.value)}
    assert {d.state for d in found.deliveries if d.relay == OTHER} == {DeliveryState.WAITING}
    assert found.state is PublicationState.QUEUED
    assert found.deliveries[-2].last_answer == "with its root: because"


def test_published_when_one_relay_has_it_all(prepared: Database):
    """The moment is kept; the other relay is still served."""
    for _ in EVENTS:
        found = finish(prepared, start(prepared), DeliveryEvent.ACCEPTED)
    assert (found.state, found.published_at) == (PublicationState.PUBLISHED, NOW)
    assert found.relays_with_all() == (RELAY,)
    assert start(prepared, OTHER) is not None


def test_the_least_tried_come_first(prepared: Database):
    """An event that failed before goes to the end of the line."""
    finish(prepared, start(prepared), DeliveryEvent.ACCEPTED)
    slow = start(prepared)
    assert slow is not None
    finish(prepared, slow, DeliveryEvent.POSTPONED, "", NOW)
    following = start(prepared)
    assert following is not None
    assert following.event == EVENTS[2]


def test_postponing_and_hastening_a_relay(prepared: Database):
    """All that waits for one relay moves together; a later time is never made earlier by postponing."""
    with prepared.writing() as session:
        deliveries.postpone_relay(session, RELAY, LATER)
        deliveries.postpone_relay(session, RELAY, NOW + 1)
        assert deliveries.list_due_relays(session, LATER - 1) == (OTHER,)
        assert set(deliveries.list_due_relays(session, LATER)) == {RELAY, OTHER}
        deliveries.hasten_relay(session, RELAY, NOW)
        assert set(deliveries.list_due_relays(session, NOW)) == {RELAY, OTHER}


def test_when_something_is_due_next(prepared: Database):
    """The earliest open delivery tells; a call without any has none."""
    with prepared.writing() as session:
        assert deliveries.next_due_at(session, CALL_ID) == NOW
        publications.drop_publication(session, CALL_ID, NOW, 1)
        assert deliveries.next_due_at(session, CALL_ID) is None
        assert deliveries.next_due_at(session, hex_id(99)) is None


def test_a_refused_call_is_held_back(prepared: Database):
    """`Do not publish` after signing stops every attempt that has not begun."""
    with prepared.writing() as session:
        conversations.set_do_not_publish(session, CALL_ID)
        assert deliveries.list_due_relays(session, NOW) == ()
    assert start(prepared) is None
