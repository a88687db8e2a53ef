"""What those who watch are told; over HTTP it is in tests/web/test_events_api.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agentvoice.core.call import CallState, EndReason
from agentvoice.errors import StorageUnavailable
from agentvoice.protocols.documents import CallSummary
from agentvoice.services.live_feed import LOOK_S, MAX_WAITING, WATCHED, LiveFeed, Watcher
from agentvoice.storage import conversations
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
