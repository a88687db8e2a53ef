"""Deleting old calls with all that belongs to them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from agentvoice.core.call import CallState, PublicationState
from agentvoice.core.delivery import DeliveryState
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import NotFound
from agentvoice.protocols.nostr.nip09 import KIND_DELETION
from agentvoice.storage import agents, conversations, preparations, usage
from agentvoice.storage.call_log import CallLogEntry, add_log_entry
from agentvoice.storage.database import Database
from agentvoice.storage.models import CallRow, Row
from agentvoice.storage.publication_models import DeliveryRow, TurnEditRow
from agentvoice.storage.publications import retry_publication
from agentvoice.storage.retention import list_prunable, prune_rows
from agentvoice.storage.unpublications import store_deletions, unpublish
from agentvoice.storage.usage import UsageEntry
from tests.storage.threads import CALL_ID, ended_call, event, store
from tests.storage.values import NOW, call, hex_id, item, profile

LATER = NOW + 1_000


def keep_whole_call(database: Database) -> None:
    """A call with a row in every table that knows calls."""
    ended_call(database)
    store(database)
    with database.writing() as session:
        revision = agents.create_agent(session, hex_id(77), profile(), NOW)
        conversations.add_call_agent(session, CALL_ID, revision, NOW)
        add_log_entry(session, CallLogEntry(CALL_ID, NOW, "session_lost"))
        usage.add_usage(session, UsageEntry(hex_id(9), CALL_ID, "garden", "ada", "local", "m", NOW))
        session.add(TurnEditRow(call_id=CALL_ID, position=1, text="", edited_at=NOW))
        for number in range(2, 30):
            conversations.upsert_item(session, CALL_ID, item(number))
        settle(session, DeliveryState.ACCEPTED, PublicationState.PUBLISHED)


def settle(session: Any, delivery: DeliveryState, publication: PublicationState) -> None:
    session.execute(update(DeliveryRow).values(state=delivery.value))
    session.execute(update(CallRow).values(publication=publication.value))


def rows_of_calls(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Row.metadata.sorted_tables
            if "call_id" in table.columns or table.name == "call"
        }


def test_a_call_goes_with_all_that_is_its_own_a_few_rows_at_a_time(database: Database):
    """Each transaction is small; at the end no table knows the call."""
    keep_whole_call(database)
    before = rows_of_calls(database)
    assert min(before.values()) > 0
    rounds = 0
    while True:
        with database.writing() as session:
            done = prune_rows(session, CALL_ID, LATER, 10)
        rounds += 1
        if done:
            break
        after = rows_of_calls(database)
        others = sum(before.values()) - before["delivery"] - before["event"] - sum(after.values())
        assert (after["call"], after["delivery"], after["event"], others) == (1, 0, 0, 10 * rounds)
    assert rounds > 3
    assert set(rows_of_calls(database).values()) == {0}


@pytest.mark.parametrize("state", list(DeliveryState))
def test_a_call_with_an_open_delivery_stays(database: Database, state: DeliveryState):
    """Relays may still get it; what is settled, whichever way, may go."""
    ended_call(database)
    store(database)
    with database.writing() as session:
        settle(session, state, PublicationState.PUBLISHED)
        is_open = state in (DeliveryState.WAITING, DeliveryState.ATTEMPTING)
        assert list_prunable(session, LATER, 10) == (() if is_open else (CALL_ID,))
        before = session.scalar(select(func.count()).select_from(DeliveryRow))
        prune_rows(session, CALL_ID, LATER, 1)
        after = session.scalar(select(func.count()).select_from(DeliveryRow))
        assert (after == before) == is_open


@pytest.mark.parametrize("state", list(PublicationState))
def test_a_call_whose_thread_is_on_its_way_stays(database: Database, state: PublicationState):
    """Waiting for review, or for a key that is elsewhere, is no reason to be forgotten."""
    ended_call(database, policy=PublishPolicy.OFF)
    with database.writing() as session:
        session.execute(update(CallRow).values(publication=state.value))
        is_on_its_way = state in (PublicationState.REVIEW, PublicationState.QUEUED)
        assert list_prunable(session, LATER, 10) == (() if is_on_its_way else (CALL_ID,))


def test_live_and_young_calls_stay_and_the_oldest_go_first(database: Database):
    """Age counts from the end of a call; one that has not ended has none."""
    with database.writing() as session:
        conversations.create_call(session, call(1))
    for number in (2, 3, 4):
        ended_call(database, number, policy=PublishPolicy.OFF)
    with database.writing() as session:
        assert list_prunable(session, NOW + 4, 10) == (hex_id(2), hex_id(3))
        assert list_prunable(session, NOW + 4, 1) == (hex_id(2),)
        assert prune_rows(session, hex_id(1), LATER, 10)
        assert conversations.get_call(session, hex_id(1)).state is CallState.LIVE


def test_of_a_call_that_is_half_gone_nothing_is_signed_or_sent(database: Database):
    """It could not be signed; were it tried again now, half of what was said would be published."""
    ended_call(database)
    with database.writing() as session:
        session.execute(update(CallRow).values(publication=PublicationState.FAILED.value))
        assert not prune_rows(session, CALL_ID, LATER, 1)
    with database.writing() as session:
        assert retry_publication(session, CALL_ID, LATER, 1) == 0
        assert preparations.list_unprepared(session, LATER, 10) == ()
        assert not preparations.claim_preparation(session, CALL_ID, "me", LATER, LATER + 1)
        assert list_prunable(session, LATER, 10) == (CALL_ID,)


def test_a_retry_at_the_same_moment_wins_or_comes_too_late(patient_database: Database):
    """Never are deliveries deleted that the operator has just queued again."""
    database = patient_database
    for number in range(1, 11):
        call_id = ended_call(database, number)
        store(database, call_id, (event(10 * number), event(10 * number + 1)))
        with database.writing() as session:
            settle(session, DeliveryState.ACCEPTED, PublicationState.PUBLISHED)
            of_one = update(DeliveryRow).where(DeliveryRow.relay == "embedded")
            session.execute(of_one.values(state=DeliveryState.REJECTED.value))
        start = threading.Barrier(2)
        outcomes: dict[str, int] = {}

        def work(name: str, act: Callable[[Session], int], start=start, outcomes=outcomes) -> None:
            start.wait()
            with database.writing() as session, suppress(NotFound):
                outcomes[name] = act(session)

        acts: dict[str, Callable[[Session], int]] = {
            "retry": partial(retry_publication, call_id=call_id, now=LATER, accepted_relays=1),
            "prune": partial(prune_rows, call_id=call_id, ended_before=LATER, limit=1_000),
        }
        threads = [threading.Thread(target=work, args=each) for each in acts.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with database.reading() as session:
            found = select(func.count()).select_from(DeliveryRow).where(DeliveryRow.call_id == call_id)
            assert session.scalar(found) == 2 * outcomes.get("retry", 0)  # both relays, or nothing at all
            assert (session.get(CallRow, call_id) is None) == ("retry" not in outcomes)


def test_a_thread_stays_until_each_author_has_taken_it_back(database: Database):
    """An author whose key is away owes the relays a deletion, however old the call is."""
    ended_call(database)
    other = replace(event(2), pubkey="b" * 64)
    store(database, CALL_ID, (event(1), other))
    with database.writing() as session:
        settle(session, DeliveryState.ACCEPTED, PublicationState.PUBLISHED)
        unpublish(session, CALL_ID, NOW)
        for number, pubkey in enumerate(("a" * 64, "b" * 64)):
            assert list_prunable(session, LATER, 10) == ()
            deletion = replace(event(70 + number), pubkey=pubkey, kind=KIND_DELETION)
            store_deletions(session, CALL_ID, (deletion,), NOW)
        assert list_prunable(session, LATER, 10) == ()  # they are signed, and on their way
        session.execute(update(DeliveryRow).values(state=DeliveryState.ACCEPTED.value))
        assert list_prunable(session, LATER, 10) == (CALL_ID,)


def test_a_thread_that_was_taken_back_lately_stays(database: Database):
    """Its deletions have still to be signed and sent."""
    ended_call(database, policy=PublishPolicy.OFF)
    with database.writing() as session:
        session.execute(update(CallRow).values(unpublished_at=LATER))
        assert list_prunable(session, LATER, 10) == ()
        assert list_prunable(session, LATER + 1, 10) == (CALL_ID,)
