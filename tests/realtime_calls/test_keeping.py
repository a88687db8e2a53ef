"""What is kept of a call when the disk fails or the process dies."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from agentvoice.core.call import LEASE_VALID_MS, CallState, EndReason, PublicationState
from agentvoice.core.item import ItemStatus, Role
from agentvoice.storage.database import Database
from agentvoice.storage.writer import WriterRecovered, WriterReport, WriterStalled
from tests.fakes.realtime_provider import Provider, provider
from tests.fakes.relay_server import relay_server
from tests.realtime_calls.conftest import RealtimeHouse
from tests.services.press import Press

TURNS = [("Good morning.", "Ada here."), ("What is new?", "Nothing at all.")]


async def converse(house: RealtimeHouse) -> list[str]:
    """Say TURNS; return all texts in order."""
    session = house.provider.sessions[-1]
    for number, (question, reply) in enumerate(TURNS):
        await session.turn(f"u{number}", question)
        await session.replies(f"r{number}", reply, 20)
        await house.settle()
        await house.hears_all()
    return [text for turn in TURNS for text in turn]


def is_shown(house: RealtimeHouse, text: str) -> bool:
    """Whether the caller's display has an item of this text."""
    return text in [item.text for item in house.leg.items.values()]


async def converse_unkept(house: RealtimeHouse) -> list[str]:
    """Say TURNS while nothing can be written."""
    session = house.provider.sessions[-1]
    for number, (question, reply) in enumerate(TURNS):
        await session.turn(f"u{number}", question)
        await session.replies(f"r{number}", reply, 20)
        await house.until(partial(is_shown, house, reply))
        house.leg.hear_all()
    texts = [text for turn in TURNS for text in turn]
    await house.until(lambda: all(item.is_finished for item in house.leg.items.values()))
    assert [item.text for item in house.leg.items.values()] == texts
    return texts


async def test_capture_failure_keeps_the_call(house: RealtimeHouse):
    """Another process holds the database: the call goes on, it is reported once, the items are written after."""
    reports: list[WriterReport] = []
    house.writer._report = reports.append
    session = await house.live_call()
    call_id = house.call_id
    lock = sqlite3.connect(house.path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    texts = await converse_unkept(house)
    await house.until(lambda: house.writer.is_stalled)
    assert house.items(call_id) == ()
    assert not session.link.closed.is_set()
    lock.execute("ROLLBACK")
    lock.close()
    await house.settle()
    assert [text for _, text, _ in house.messages()] == texts
    assert [type(report) for report in reports] == [WriterStalled, WriterRecovered]
    assert (await house.hang_up()).error is None


async def test_a_disk_that_fails_when_the_call_ends_loses_nothing(house: RealtimeHouse):
    """The caller hangs up while the disk fails: the end waits for it, and all is there."""
    await house.live_call()
    call_id = house.call_id
    lock = sqlite3.connect(house.path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    texts = await converse_unkept(house)
    ending = asyncio.ensure_future(house.hang_up())
    await house.until(lambda: house.leg.is_closed)
    lock.execute("ROLLBACK")
    lock.close()
    outcome = await ending
    assert outcome.error is None
    assert [text for _, text, _ in house.messages(call_id)] == texts
    assert house.call(call_id).state is CallState.ENDED


@pytest.fixture
async def made() -> AsyncIterator[Provider]:
    async with provider() as running:
        yield running


class OtherProcess(RealtimeHouse):
    """Another process over the database of a house, with its own connection and writer."""

    def __init__(self, house: RealtimeHouse) -> None:
        super().__init__(house.path.parent, house.provider, Database.open(house.path))
        self.clock = house.clock
        self._owners = house._owners
        self.manager = self.new_manager()


async def test_two_sweepers_publish_once(tmp_path: Path, made: Provider):
    """A process dies in a call; two others recover it at once over one database: one thread, each event once."""
    async with relay_server() as relay:
        press = Press(tmp_path, relay.address)
        house = RealtimeHouse(tmp_path, made, press.database)
        await house.live_call()
        call_id = house.call_id
        texts = await converse(house)
        await die(house)
        press.clock = house.clock
        await house.clock.advance(LEASE_VALID_MS / 1000 + 1)
        others = [OtherProcess(house) for _ in range(2)]
        publishers = [press.publisher(other.database) for other in others]
        taken = await asyncio.gather(*(other.manager.recover() for other in others))
        assert sorted(taken) == [(), (call_id,)]
        for _ in range(2):
            await asyncio.gather(*(publisher.sweep() for publisher in publishers))
        publication = await publishers[0].publication(call_id)
        assert publication.state is PublicationState.PUBLISHED
        ids = [entry.event.id for entry in publication.events]
        assert sorted(event["id"] for event in relay.events) == sorted(ids)
        assert [entry.event.content for entry in publication.events[1:]] == texts
        stored = house.call(call_id)
        assert (stored.state, stored.end_reason) == (CallState.ENDED, EndReason.CRASH)
        assert house.messages(call_id)[-1] == (Role.AGENT, texts[-1], ItemStatus.COMPLETED)
        for made_house in (*others, house):
            await made_house.close()
        await press.close()


async def die(house: RealtimeHouse) -> None:
    """The process of the call is gone: nothing more of it is written."""
    await asyncio.to_thread(house.writer.close, 5.0)
    house.provider.sessions[-1].breaks()
    for task in house._calls:
        task.cancel()
    await asyncio.gather(*house._calls, return_exceptions=True)
