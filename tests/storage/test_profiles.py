from __future__ import annotations

from dataclasses import replace

from agentvoice.core.agent import AgentProfile
from agentvoice.core.delivery import DeliveryEvent, DeliveryState
from agentvoice.core.event import SignedEvent
from agentvoice.storage import agents
from agentvoice.storage.database import Database
from agentvoice.storage.profiles import (
    ProfileDelivery,
    list_profiles,
    record_profile_outcome,
    renew_profile,
    start_profile_attempt,
    want_profiles,
)

ADA = "a" * 64
HOME, AWAY = "embedded", "wss://away.example"
EVENT = SignedEvent("1" * 64, ADA, 5, 0, (("client", "agentvoice"),), '{"name":"Ada"}', "2" * 128)


NOTE = replace(EVENT, id="4" * 64, kind=1)


def want(database: Database, *relays: str, note: SignedEvent = NOTE, now: int = 1_000) -> None:
    with database.writing() as session:
        if not agents.list_agents(session):
            agents.create_agent(session, "1" * 32, AgentProfile("ada", "Ada", pubkey=ADA), now)
        want_profiles(session, [(note, relays), (note, relays)], now)


def renew(database: Database, digest: str, event: SignedEvent = EVENT, now: int = 2_000) -> int:
    with database.writing() as session:
        return renew_profile(session, digest, event, now)


def stored(database: Database, pubkey: str = "") -> tuple[ProfileDelivery, ...]:
    with database.reading() as session:
        return list_profiles(session, pubkey)


def start(database: Database, found: ProfileDelivery, owner: str = "me", now: int = 2_000) -> bool:
    with database.writing() as session:
        return start_profile_attempt(session, found, owner, now, now + 500, now + 60_000)


def record(
    database: Database, found: ProfileDelivery, outcome: DeliveryEvent, owner: str = "me", next_at: int = 0
):
    with database.writing() as session:
        return record_profile_outcome(session, found, owner, outcome, "some\nwords", next_at)


def test_a_wanted_profile_waits_to_be_signed(database: Database):
    """It is not due before; wanting it again changes nothing."""
    want(database, HOME)
    want(database, HOME, now=9_000)
    want(database, AWAY, note=replace(NOTE, pubkey="c" * 64))  # no agent's
    want(database, AWAY, note=replace(NOTE, kind=1_059))  # for one reader
    (found,) = stored(database)
    assert (found.event, found.digest, found.created_at, found.is_due(99_000)) == (None, "", 1_000, False)


def test_a_renewed_profile_is_due_wherever_it_says_something_new(database: Database):
    """A relay that has just this one is left alone."""
    want(database, HOME)
    assert renew(database, "d" * 64) == 1
    want(database, AWAY)
    assert renew(database, "d" * 64, now=3_000) == 1
    home, away = stored(database, ADA)
    assert (home.created_at, away.created_at) == (2_000, 3_000)
    assert (home.event, home.is_due(2_000), home.is_due(1_999)) == (EVENT, True, False)
    assert stored(database, "b" * 64) == ()


def test_one_process_makes_an_attempt(database: Database):
    """It is counted and locked before dialling; when the lock has run out, another may."""
    want(database, HOME)
    renew(database, "d" * 64)
    (found,) = stored(database)
    assert start(database, found)
    assert not start(database, found, "another")
    (tried,) = stored(database)
    assert (tried.state, tried.attempts, tried.next_attempt_at) == (DeliveryState.ATTEMPTING, 1, 2_500)
    assert not tried.is_due(61_999)
    assert tried.is_due(62_000)
    assert start(database, tried, "another", now=62_000)
    assert not record(database, tried, DeliveryEvent.ACCEPTED)


def test_an_outcome_is_kept_with_the_relays_words(database: Database):
    """On one line; a postponed one is due at its next time."""
    want(database, HOME)
    renew(database, "d" * 64)
    (found,) = stored(database)
    start(database, found)
    assert record(database, found, DeliveryEvent.POSTPONED, next_at=7_000)
    (waiting,) = stored(database)
    assert (waiting.state, waiting.last_answer, waiting.is_due(6_999)) == (
        DeliveryState.WAITING,
        "some words",
        False,
    )
    assert waiting.is_due(7_000)
    start(database, waiting, now=7_000)
    assert record(database, waiting, DeliveryEvent.ACCEPTED)
    assert stored(database)[0].state is DeliveryState.ACCEPTED


def test_an_outcome_of_an_older_profile_changes_nothing(database: Database):
    """The agent changed while its profile was under way: the new one is to be sent."""
    want(database, HOME)
    renew(database, "d" * 64)
    (found,) = stored(database)
    start(database, found)
    newer = replace(EVENT, id="3" * 64, created_at=6)
    renew(database, "e" * 64, newer)
    assert not record(database, found, DeliveryEvent.ACCEPTED)
    (now,) = stored(database)
    assert (now.event, now.state, now.attempts, now.is_due(2_000)) == (newer, DeliveryState.WAITING, 0, True)
