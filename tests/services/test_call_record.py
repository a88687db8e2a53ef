from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from agentvoice.core.call import Call, CallState, EndReason, PublicationState
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.project import PublishPolicy
from agentvoice.core.speech import ResponseStarted, UsageReported
from agentvoice.errors import StorageError
from agentvoice.services.call_record import CallRecord
from agentvoice.storage import agents, conversations, usage
from agentvoice.storage.writer import Writer
from tests.services.conftest import House

CALL_ID = "0190" * 8


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    built = House(tmp_path)
    yield built
    await built.close()


def record_of(house: House) -> CallRecord:
    """The record of a call that is not stored yet."""
    now = house.clock.utc_ms()
    call = Call(
        CALL_ID,
        "home",
        "ada",
        "wav",
        "local",
        CallState.CONNECTING,
        PublishPolicy.PUBLIC,
        ("embedded",),
        "me",
        now,
        now,
    )
    return CallRecord(call, house.writer, house.clock, house.new_meter(call))


def message(text: str, status: ItemStatus = ItemStatus.COMPLETED) -> Item:
    return Item("ab" * 16, 1, ItemKind.MESSAGE, Role.USER, "ada", text, status)


async def test_what_happens_is_kept_in_its_order(house: House):
    """State, items, agents and the wish about publishing are rows when the writer has caught up."""
    record = record_of(house)
    await record.begin()
    record.state(CallState.LIVE)
    record.item(message("Hel", ItemStatus.INTERRUPTED))
    record.item(message("Hello"))
    record.do_not_publish()
    await house.settle()
    stored = house.call(CALL_ID)
    assert (stored.state, stored.do_not_publish) == (CallState.LIVE, True)
    assert [(item.text, item.status) for item in house.items(CALL_ID)] == [("Hello", ItemStatus.COMPLETED)]


async def test_the_end_decides_about_the_thread(house: House):
    """When `end` returns, the call is over and its thread is queued, in one transaction."""
    record = record_of(house)
    await record.begin()
    record.item(message("Hello"))
    await record.end(EndReason.AGENT)
    stored = house.call(CALL_ID)
    assert (stored.state, stored.end_reason) == (CallState.ENDED, EndReason.AGENT)
    assert stored.publication is PublicationState.QUEUED


async def test_usage_is_of_the_agent_and_engine_that_joined_last(house: House):
    """A handover, even to another engine, changes whose usage is counted from then on."""
    record = record_of(house)
    await record.begin()
    with house.database.reading() as reading:
        other = agents.get_agent(reading, "max")
    record.usage(UsageReported("r1", "smollm2", audio_ms=100))
    record.agent_joined(other, "openai")
    record.usage(UsageReported("r2", "gpt-realtime", input_text_tokens=7))
    await house.settle()
    with house.database.reading() as reading:
        rows = sorted((row.agent, row.engine, row.model) for row in usage.usage_of(reading, CALL_ID))
        joined = [row.agent for row in conversations.agents_of(reading, CALL_ID)]
    assert rows == [("ada", "local", "smollm2"), ("max", "openai", "gpt-realtime")]
    assert joined == ["max"]
    assert house.call(CALL_ID).engine == "openai"


async def test_a_reply_is_billed_to_the_agent_that_made_it(house: House):
    """Its usage comes last, perhaps after a handover in place: it is still the old agent's."""
    record = record_of(house)
    await record.begin()
    with house.database.reading() as reading:
        other = agents.get_agent(reading, "max")
    record.agent_joined(other, "openai")
    record.response_started(ResponseStarted("r1"))
    with house.database.reading() as reading:
        record.agent_joined(agents.get_agent(reading, "ada"), "local")
    record.usage(
        UsageReported("r1", "gpt-realtime-2.1", 1_349, 110, 1_408, 97, 299, input_cached_audio_tokens=64)
    )
    record.usage(UsageReported("r2", "smollm2", audio_ms=9))
    await house.settle()
    with house.database.reading() as reading:
        first, second = sorted(usage.usage_of(reading, CALL_ID), key=lambda row: row.response)
    assert (first.agent, first.engine, first.response, first.project) == ("max", "openai", "r1", "home")
    assert (first.cost_nano_usd, first.priced_as_of, first.is_estimate) == (23_519_200, "2026-11-01", False)
    assert first.input_cached_audio_tokens == 64
    assert (second.agent, second.cost_nano_usd, second.priced_as_of) == ("ada", 0, "")
    assert record.meter.cost_nano_usd == 23_519_200


async def test_a_row_that_cannot_be_kept_is_logged_not_raised(house: House):
    """The call goes on; the log names the call and what is missing."""
    record = record_of(house)  # never begun: its rows belong to no call
    with capture_logs() as logs:
        record.item(message("Hello"))
        record.happened("session_lost", "cable pulled")
        await house.settle()
    lost = [(line["what"], line["call"]) for line in logs if line["event"] == "not_kept"]
    assert lost == [("item", CALL_ID), ("log", CALL_ID)]


async def test_a_call_that_cannot_be_kept_does_not_begin(house: House):
    """`begin` waits for the disk and raises, so that no call runs unrecorded."""
    with sqlite3.connect(house.database.location) as other:
        other.execute("ALTER TABLE call RENAME TO gone")
    with pytest.raises(StorageError):
        await record_of(house).begin()


async def test_keeping_never_waits_for_the_disk(house: House):
    """With the database locked by another process every call to keep something returns at once."""
    record = record_of(house)
    await record.begin()
    with house.database.writing():  # holds the write lock
        for number in range(100):
            record.item(message(f"Hello {number}"))
    await asyncio.to_thread(house.writer.flush().result)
    assert [item.text for item in house.items(CALL_ID)] == ["Hello 99"]


async def test_a_wish_about_publishing_that_the_disk_refused_comes_with_the_end(house: House):
    """While the queue is full the row is refused; the call is kept off Nostr all the same."""
    await asyncio.to_thread(house.writer.close, 5.0)
    house.writer = Writer(house.database, house.clock, queue_rows=1)
    record = record_of(house)
    await record.begin()
    with house.database.writing():  # holds the write lock
        waiting = house.writer.submit(lambda session: None)
        record.do_not_publish()
        assert house.writer.refused_rows == 1
    await asyncio.wrap_future(waiting)
    await record.end(EndReason.CALLER)
    stored = house.call(CALL_ID)
    assert (stored.do_not_publish, stored.publication) == (True, PublicationState.NONE)


async def test_a_wish_about_publishing_outlives_a_power_cut(house: House):
    """Its commit is a synchronous one."""
    record = record_of(house)
    await record.begin()
    with house.database.writing():  # the writer waits with one row; what comes then is one commit
        house.writer.submit(lambda session: None)
        record.do_not_publish()
        level = house.writer.submit(lambda session: session.scalar(text("PRAGMA synchronous")))
    assert await asyncio.wrap_future(level) == 2
