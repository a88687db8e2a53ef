from __future__ import annotations

from typing import Any

import pytest

from agentvoice.storage import conversations
from agentvoice.storage.database import Database
from agentvoice.storage.usage import UsageEntry, UsageGroup, add_usage, report_usage, usage_of
from tests.storage.values import NOW, call, hex_id


def entry(number: int, call_number: int = 1, **changes) -> UsageEntry:
    values: dict[str, Any] = {
        "agent": "ada",
        "engine": "openai",
        "model": "gpt-realtime-2.1",
        "used_at": NOW + number,
    }
    return UsageEntry(id=hex_id(number), call_id=hex_id(call_number), **(values | changes))


@pytest.fixture
def used(database: Database) -> Database:
    with database.writing() as session:
        conversations.create_call(session, call(1, project="garden"))
        conversations.create_call(session, call(2, project="zoo"))
        add_usage(session, entry(1, 1, cost_nano_usd=3_000_000_000_000, input_audio_tokens=10))
        add_usage(session, entry(2, 1, cost_nano_usd=1, output_audio_tokens=5, agent="max"))
        add_usage(session, entry(3, 2, cost_nano_usd=7, audio_ms=1_500, model="whisper"))
    return database


def test_usage_of_a_call_is_in_order(used: Database):
    """The entries come back as they were written."""
    with used.reading() as session:
        entries = usage_of(session, hex_id(1))
    assert entries == (
        entry(1, 1, cost_nano_usd=3_000_000_000_000, input_audio_tokens=10),
        entry(2, 1, cost_nano_usd=1, output_audio_tokens=5, agent="max"),
    )


def test_the_same_usage_counts_once(used: Database):
    """A repeated write does not double the bill."""
    with used.writing() as session:
        add_usage(session, entry(2, 1, cost_nano_usd=1, output_audio_tokens=5, agent="max"))
    with used.reading() as session:
        assert len(usage_of(session, hex_id(1))) == 2


@pytest.mark.parametrize(
    ("by", "wanted"),
    [
        (UsageGroup.PROJECT, {"garden": (1, 3_000_000_000_001), "zoo": (1, 7)}),
        (UsageGroup.AGENT, {"ada": (2, 3_000_000_000_007), "max": (1, 1)}),
        (UsageGroup.ENGINE, {"openai": (2, 3_000_000_000_008)}),
        (UsageGroup.MODEL, {"gpt-realtime-2.1": (1, 3_000_000_000_001), "whisper": (1, 7)}),
        (UsageGroup.CALL, {hex_id(1): (1, 3_000_000_000_001), hex_id(2): (1, 7)}),
    ],
)
def test_a_report_adds_up(used: Database, by: UsageGroup, wanted):
    """Sums are exact integers, calls are counted once."""
    with used.reading() as session:
        totals = report_usage(session, by, NOW, NOW + 100)
    assert {total.name: (total.calls, total.cost_nano_usd) for total in totals} == wanted
    assert sum(total.audio_ms for total in totals) == 1_500


def test_a_report_keeps_to_its_time(used: Database):
    """The start belongs to the report, the end does not."""
    with used.reading() as session:
        totals = report_usage(session, UsageGroup.AGENT, NOW + 2, NOW + 3)
    assert [(total.name, total.cost_nano_usd) for total in totals] == [("max", 1)]
