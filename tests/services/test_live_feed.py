"""What those who watch are told; over HTTP it is in tests/web/test_events_api.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agentvoice.core.call import CallState, EndReason, PublicationState
from agentvoice.errors import Refused, StorageBusy, StorageUnavailable
from agentvoice.protocols.documents import CallSummary
from agentvoice.protocols.publication_documents import PublicationSummary
from agentvoice.services.live_feed import (
    LOOK_S,
    MAX_OWN_WATCHERS,
    MAX_WAITING,
    WATCHED,
    LiveFeed,
    Watcher,
)
from agentvoice.storage import conversations
from agentvoice.storage.models import CallRow
from tests.services.conftest import House
from tests.storage.values import call, hex_id


@pytest.fixture
async def feed(house: House) -> AsyncIterator[LiveFeed]:
    built = LiveFeed(house.database, house.clock)
    yield built
    built.close()


async def looked(house: House, feed: LiveFeed) -> None:
    """One more look has been taken, begun after this was asked: one may be under way."""
    for _ in range(2):
        before = feed._seen
        async with asyncio.timeout(20):
            while feed._seen is before:
                await house.settle()
                await house.clock.advance(LOOK_S)


def states(watcher: Watcher) -> list[tuple[str, str]]:
    """What waits for a watcher, taken from it."""
    told = [change.summary for change in watcher._waiting]
    watcher._waiting.clear()
    return [(each.id[-1], each.state) for each in told if isinstance(each, CallSummary)]


def threads(watcher: Watcher) -> list[tuple[str, str]]:
    """The threads that wait for a watcher, taken from it."""
    told = [change.summary for change in watcher._waiting]
    watcher._waiting.clear()
    return [(each.call[-1], each.state) for each in told if isinstance(each, PublicationSummary)]


def publish(house: House, number: int, state: PublicationState) -> None:
    """A call is over, and its thread stands so."""
    with house.database.writing() as session:
        row = session.get_one(CallRow, hex_id(number))
        row.state, row.publication = CallState.ENDED.value, state.value


def store(house: House, number: int, **changes: object) -> None:
    with house.database.writing() as session:
        conversations.create_call(session, call(number, project="home", **changes))


async def test_every_watcher_is_told_the_same(house: House, feed: LiveFeed):
    """One look serves all; who comes later begins with what is open, and one who left is told nothing."""
    store(house, 1)
    first = feed.watch()
    await looked(house, feed)
    assert states(first) == [("1", "live")]
    second = feed.watch()
    assert states(second) == [("1", "live")]
    store(house, 2)
    await looked(house, feed)
    assert states(first) == states(second) == [("2", "live")]
    first.leave()
    store(house, 3)
    await looked(house, feed)
    assert (states(first), states(second)) == ([], [("3", "live")])


async def test_an_open_call_is_followed_however_old(house: House, feed: LiveFeed):
    """Newer calls do not push it out of sight; one that was deleted is forgotten."""
    store(house, 1)
    watcher = feed.watch()
    await looked(house, feed)
    for number in range(2, WATCHED + 3):
        store(house, number)
    await looked(house, feed)
    states(watcher)
    with house.database.writing() as session:
        conversations.end_call(session, hex_id(1), EndReason.CALLER, 1)
    await looked(house, feed)
    assert ("1", "ended") in states(watcher)


async def test_a_thread_is_followed_until_it_is_settled(house: House, feed: LiveFeed):
    """Fifty newer threads do not push one out of sight that is still being sent."""
    store(house, 1, caller="eve")
    watcher, own = feed.watch(), feed.watch("eve")
    await looked(house, feed)
    for number in range(2, WATCHED + 3):
        store(house, number, state=CallState.ENDED, publication=PublicationState.PUBLISHED)
    publish(house, 1, PublicationState.QUEUED)
    await looked(house, feed)
    assert ("1", "queued") in threads(watcher)
    publish(house, 1, PublicationState.PUBLISHED)
    await looked(house, feed)
    assert threads(watcher) == [("1", "published")]
    assert threads(own) == [("1", "queued"), ("1", "published")]
    publish(house, 1, PublicationState.NONE)
    await looked(house, feed)
    assert threads(watcher) == []


async def test_a_caller_is_told_of_its_own_calls_alone(house: House, feed: LiveFeed):
    """Open calls, new calls and threads of others are left out, also when their calls are long gone by."""
    store(house, 1, caller="eve", state=CallState.ENDED, publication=PublicationState.REVIEW)
    store(house, 2, caller="maia", state=CallState.ENDED, publication=PublicationState.REVIEW)
    for number in range(3, WATCHED + 3):
        store(house, number, state=CallState.ENDED)
    store(house, 1_001, caller="eve")
    store(house, 1_002, caller="maia")
    early = feed.watch("eve")
    await looked(house, feed)
    late = feed.watch("eve")
    wanted = hex_id(1_001)[-1]
    assert states(early) == states(late) == [(wanted, "live")]
    publish(house, 1, PublicationState.QUEUED)
    publish(house, 2, PublicationState.QUEUED)
    await looked(house, feed)
    assert threads(early) == threads(late) == [("1", "queued")]


async def test_one_caller_does_not_take_every_place(house: House, feed: LiveFeed):
    """It is refused another stream while the operator and other callers get theirs."""
    for _ in range(MAX_OWN_WATCHERS):
        watcher = feed.watch("eve")
    with pytest.raises(Refused, match=f"you watch {MAX_OWN_WATCHERS} times"):
        feed.watch("eve")
    feed.watch("maia")
    for _ in range(MAX_OWN_WATCHERS + 1):
        feed.watch()
    watcher.leave()
    feed.watch("eve")


async def test_who_begins_knows_that_changes_are_seen(house: House, feed: LiveFeed):
    """It waits for the first look, and no longer once there was one, or the feed is over."""
    watcher = feed.watch()
    assert not feed.has_looked
    await watcher.begin(1.0)
    assert feed.has_looked
    store(house, 1, state=CallState.ENDED)
    await looked(house, feed)
    assert states(watcher) == [("1", "ended")]
    feed.close()
    last = feed.watch()
    last.end()
    await last.begin(1.0)
    assert not feed.has_looked


async def test_who_begins_while_the_database_fails_is_told(
    house: House, feed: LiveFeed, monkeypatch: pytest.MonkeyPatch
):
    """Once the limit is over: it asks again."""
    monkeypatch.setattr(house.database, "reading", broken)
    beginning = asyncio.ensure_future(feed.watch().begin(1.0))
    await house.settle()
    await house.clock.advance(1.0)
    with pytest.raises(StorageBusy, match="ask again"):
        await beginning


async def test_nobody_looks_when_nobody_watches(house: House, feed: LiveFeed):
    """The database is left alone, and what happened meanwhile is no news later."""
    feed.watch().leave()
    assert feed._looking is None
    store(house, 1, state=CallState.ENDED)
    watcher = feed.watch()
    await looked(house, feed)
    assert states(watcher) == []


async def test_a_slow_watcher_loses_its_changes_and_is_told(house: House, feed: LiveFeed):
    """Memory is bounded; what comes after the loss is told."""
    watcher = feed.watch()
    for _ in range(MAX_WAITING + 1):
        watcher.tell(CallSummary(*("x",) * 10))
    first, second = await watcher.next(1), await watcher.next(1)
    assert first is not None
    assert second is not None
    assert (first.summary, second.summary) == (None, CallSummary(*("x",) * 10))


async def test_a_database_that_fails_is_looked_at_again(
    house: House, feed: LiveFeed, monkeypatch: pytest.MonkeyPatch
):
    """The feed goes on; who watches waits."""
    store(house, 1)
    monkeypatch.setattr(house.database, "reading", broken)
    watcher = feed.watch()
    for _ in range(3):
        await house.settle()
        await house.clock.advance(LOOK_S)
    assert states(watcher) == []
    monkeypatch.undo()
    await looked(house, feed)
    assert states(watcher) == [("1", "live")]


def broken() -> None:
    raise StorageUnavailable("database: the disk is failing")
