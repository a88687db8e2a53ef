from __future__ import annotations

import pytest

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryEvent, DeliveryState
from agentvoice.storage import deliveries, publications
from agentvoice.storage.database import Database
from agentvoice.storage.outcomes import Outcome, expire_waiting, record_outcomes
from tests.storage.test_deliveries import LATER, OTHER, RELAY, claim, finish, start
from tests.storage.threads import CALL_ID, EVENTS, ended_call, event, store
from tests.storage.values import NOW, hex_id


@pytest.fixture
def prepared(database: Database) -> Database:
    ended_call(database)
    store(database)
    return database


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


def test_a_batch_of_outcomes_is_one_transaction(database: Database):
    """Threads of several calls, each with its own end; every answer is kept with its event."""
    for number in (1, 2, 3):
        ended_call(database, number)
        store(database, hex_id(number), tuple(event(10 * number + each) for each in range(3)))
    with database.writing() as session:
        roots = deliveries.claim_due(session, RELAY, claim(), 10)
        ends = (
            Outcome(roots[0], DeliveryEvent.ACCEPTED, "stored"),
            Outcome(roots[1], DeliveryEvent.REJECTED, "blocked: no"),
            Outcome(roots[2], DeliveryEvent.POSTPONED, "error: later", LATER),
        )
        record_outcomes(session, ends, NOW, 1)
        found = [publications.get_publication(session, hex_id(number)) for number in (1, 2, 3)]
        here = [[each for each in one.deliveries if each.relay == RELAY] for one in found]
    assert [[each.state.value for each in one] for one in here] == [
        ["accepted", "waiting", "waiting"],
        ["rejected"] * 3,
        ["waiting"] * 3,
    ]
    assert [one[0].last_answer for one in here] == ["stored", "blocked: no", "error: later"]
    assert here[2][0].next_attempt_at == LATER


def test_what_waited_too_long_is_given_up_without_an_attempt(prepared: Database):
    """Only for that relay, and what is younger waits on; its last words stay."""
    finish(prepared, start(prepared), DeliveryEvent.POSTPONED, "refused", NOW)
    with prepared.writing() as session:
        assert expire_waiting(session, RELAY, NOW - 1, 10, NOW, 1) == 0
        assert expire_waiting(session, RELAY, NOW, 10, NOW, 1) == len(EVENTS)
        found = publications.get_publication(session, CALL_ID)
        assert {each.state for each in found.deliveries if each.relay == RELAY} == {DeliveryState.EXPIRED}
        assert {each.state for each in found.deliveries if each.relay == OTHER} == {DeliveryState.WAITING}
        assert found.deliveries[0].last_answer == "refused"
        assert found.state is PublicationState.QUEUED
        assert expire_waiting(session, OTHER, NOW, 10, NOW, 1) == len(EVENTS)
        assert publications.get_publication(session, CALL_ID).state is PublicationState.FAILED
