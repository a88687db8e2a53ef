from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.event import listen

from agentvoice.core.delivery import DeliveryEvent, DeliveryState
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.storage import conversations, deliveries, publications
from agentvoice.storage.database import Database
from agentvoice.storage.deliveries import Attempt, Claim
from agentvoice.storage.outcomes import Outcome, record_outcomes
from agentvoice.storage.publication_models import DeliveryRow
from tests.storage.conftest import PostgresServer
from tests.storage.threads import CALL_ID, EVENTS, ended_call, event, store
from tests.storage.values import NOW, hex_id

LATER = NOW + 10_000
RELAY, OTHER = "embedded", "wss://r.example"


@pytest.fixture
def prepared(database: Database) -> Database:
    ended_call(database)
    store(database)
    return database


def claim(now: int = NOW, owner: str = "me") -> Claim:
    return Claim(owner, now, now + 5_000, now + 60_000)


def start(database: Database, relay: str = RELAY, now: int = NOW, owner: str = "me") -> Attempt | None:
    with database.writing() as session:
        return next(iter(deliveries.claim_due(session, relay, claim(now, owner), 1)), None)


def finish(
    database: Database, attempt: Attempt | None, outcome: DeliveryEvent, answer: str = "", next_at: int = 0
):
    assert attempt is not None
    with database.writing() as session:
        record_outcomes(session, [Outcome(attempt, outcome, answer, next_at)], NOW, 1)
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
    assert start(prepared, now=NOW + 59_999, owner="you") is None
    second = start(prepared, now=NOW + 60_000, owner="you")
    assert second is not None
    assert (second.delivery.id, second.delivery.attempts) == (first.delivery.id, 2)


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


def test_a_batch_is_claimed_in_order_and_only_once(prepared: Database):
    """Roots first; then replies by position, with the events as they were signed; no row twice."""
    (root,) = claim_all(prepared, "me")
    assert claim_all(prepared, "you") == ()
    finish(prepared, root, DeliveryEvent.ACCEPTED)
    replies = claim_all(prepared, "me")
    assert [attempt.event for attempt in replies] == list(EVENTS[1:])
    assert [attempt.event_bytes for attempt in replies] == [
        len(encode_event(event).encode()) for event in EVENTS[1:]
    ]
    assert {attempt.delivery.state for attempt in replies} == {DeliveryState.ATTEMPTING}
    assert claim_all(prepared, "you", now=NOW + 59_999) == ()
    assert len(claim_all(prepared, "you", now=NOW + 60_000)) == 2


def claim_all(database: Database, owner: str, now: int = NOW) -> tuple[Attempt, ...]:
    with database.writing() as session:
        return deliveries.claim_due(session, RELAY, claim(now, owner), 10)


def test_postgresql_does_not_wait_for_anothers_claim(postgres_server: PostgresServer, postgres_address: str):
    """While one claim is not committed, another takes other rows at once: SKIP LOCKED."""
    postgres_server.empty(postgres_address)
    database, other = (Database.open(postgres_address, busy_timeout_ms=100) for _ in range(2))
    for number in range(1, 5):
        ended_call(database, number)
        store(database, hex_id(number), (event(10 * number),))
    with database.writing() as session, other.writing() as second:
        mine = deliveries.claim_due(session, RELAY, claim(), 3)
        theirs = deliveries.claim_due(second, RELAY, claim(owner="you"), 3)
    database.close()
    other.close()
    assert (len(mine), len(theirs)) == (3, 1)
    assert not {each.delivery.id for each in mine} & {each.delivery.id for each in theirs}


def test_what_was_not_sent_was_no_attempt(prepared: Database):
    """A released delivery waits again, due when told, and nothing was counted."""
    attempt = start(prepared)
    assert attempt is not None
    with prepared.writing() as session:
        deliveries.release(session, [attempt], LATER)
        deliveries.release(session, [], LATER)
    assert start(prepared, now=LATER - 1) is None
    again = start(prepared, now=LATER)
    assert again is not None
    assert (again.delivery.id, again.delivery.attempts) == (attempt.delivery.id, 1)


def test_only_its_own_attempts_are_released(prepared: Database):
    """Neither an attempt that another process has taken over, nor one that was dropped meanwhile."""
    attempt = start(prepared)
    taken_over = start(prepared, now=NOW + 60_000, owner="you")
    assert attempt is not None
    assert taken_over is not None
    with prepared.writing() as session:
        deliveries.release(session, [attempt], NOW)
        row = session.get_one(DeliveryRow, attempt.delivery.id)
        assert (row.state, row.locked_by, row.attempts) == ("attempting", "you", 2)
        publications.drop_publication(session, CALL_ID, NOW, 1)
        deliveries.release(session, [taken_over], NOW)
        assert session.get_one(DeliveryRow, attempt.delivery.id).state == "dropped"


def test_relays_that_are_busy_are_left_out(prepared: Database):
    """What is being sent to already needs no second look."""
    with prepared.reading() as session:
        assert deliveries.list_due_relays(session, NOW, [RELAY]) == (OTHER,)


def test_times_of_a_clock_that_was_ahead(prepared: Database):
    """What no clock like ours would have written is due now; all other times stay."""
    year_ms = 365 * 86_400_000
    started = start(prepared, OTHER, now=NOW)
    assert started is not None
    with prepared.writing() as session:
        deliveries.postpone_relay(session, RELAY, NOW + year_ms)
        limits = LATER, NOW + 60_000
        assert deliveries.has_strange_times(session, *limits)
        assert deliveries.mend_strange_times(session, *limits, NOW) == len(EVENTS)
        assert not deliveries.has_strange_times(session, *limits)
    assert start(prepared, OTHER) is None  # its lock is no stranger than any
    assert start(prepared) is not None


def test_a_lock_of_a_clock_that_was_ahead(prepared: Database):
    """An attempt of a process that died with it does not keep its lock for a year."""
    year_ms = 365 * 86_400_000
    for relay in (RELAY, OTHER):
        with prepared.writing() as session:
            deliveries.postpone_relay(session, relay, NOW + year_ms)
    assert start(prepared, now=NOW + year_ms) is not None
    with prepared.writing() as session:
        assert deliveries.mend_strange_times(session, LATER, NOW + 60_000, NOW) == 2 * len(EVENTS)
    assert start(prepared) is not None


def test_relays_with_something_that_waits_long(prepared: Database):
    """Those are worth finding out about; what is due soon is not."""
    with prepared.writing() as session:
        deliveries.postpone_relay(session, OTHER, LATER + 1)
        assert deliveries.list_postponed_relays(session, LATER) == (OTHER,)
        assert deliveries.hasten_relay(session, OTHER, NOW) == len(EVENTS)
        assert deliveries.list_postponed_relays(session, LATER) == ()


@pytest.mark.parametrize("state", [DeliveryState.WAITING, DeliveryState.ATTEMPTING])
def test_what_is_due_is_found_in_the_order_of_an_index(sqlite_database: Database, state: DeliveryState):
    """However many are due, a claim reads those it takes: nothing is sorted, no table is read whole."""
    statements: list[tuple[str, Any]] = []
    listen(
        sqlite_database._engine,
        "before_cursor_execute",
        lambda c, k, sql, values, *rest: statements.append((sql, values)),
    )
    with sqlite_database.writing() as session:
        deliveries.list_due(session, RELAY, NOW, 10)
        selects = [each for each in statements if each[0].startswith("SELECT")]
        assert len(selects) == 2
        sql, values = next(each for each in selects if state in each[1])
        plan = session.connection().exec_driver_sql("EXPLAIN QUERY PLAN " + sql, values)
        lines = [str(row[-1]) for row in plan]
    assert "ix_delivery_relay_state_attempts_id" in lines[0]
    assert not [line for line in lines if line.startswith("SCAN") or "TEMP B-TREE" in line]
