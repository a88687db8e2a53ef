from __future__ import annotations

from typing import Any

import pytest

from agentvoice.core.usage import UsageGroup
from agentvoice.storage import conversations
from agentvoice.storage.database import Database
from agentvoice.storage.usage import (
    MS_PER_DAY,
    UsageEntry,
    add_usage,
    calls_of_caller,
    project_spent,
    report_usage,
    total_usage,
    usage_of,
)
from tests.storage.values import NOW, call, hex_id


def entry(number: int, call_number: int = 1, **changes) -> UsageEntry:
    values: dict[str, Any] = {
        "project": "garden" if call_number == 1 else "zoo",
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
        (UsageGroup.DAY, {"2027-01-15": (2, 3_000_000_000_008)}),
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


def test_a_report_has_a_line_for_each_day(used: Database):
    """A day begins at midnight UTC."""
    midnight = NOW - NOW % MS_PER_DAY + MS_PER_DAY
    with used.writing() as session:
        add_usage(session, entry(11, used_at=midnight - 1, cost_nano_usd=2))
        add_usage(session, entry(12, used_at=midnight, cost_nano_usd=4))
    with used.reading() as session:
        totals = report_usage(session, UsageGroup.DAY, NOW, midnight + 1)
    assert [(total.name, total.cost_nano_usd) for total in totals] == [
        ("2027-01-15", 3_000_000_000_010),
        ("2027-01-16", 4),
    ]


def test_a_report_tells_estimates_and_the_days_of_its_prices(used: Database):
    """What was estimated is a part of the cost; rows that had no price have no day."""
    with used.writing() as session:
        for number, (day, is_estimate) in enumerate(
            (("2026-11-01", False), ("2026-12-01", True), ("", False))
        ):
            add_usage(
                session,
                entry(20 + number, agent="eve", cost_nano_usd=5, priced_as_of=day, is_estimate=is_estimate),
            )
    with used.reading() as session:
        whole = total_usage(session, NOW, NOW + 100)
        nothing = total_usage(session, 0, 1)
        ada, eve, _ = report_usage(session, UsageGroup.AGENT, NOW, NOW + 100)
    assert (eve.cost_nano_usd, eve.estimated_nano_usd) == (15, 5)
    assert (eve.priced_from, eve.priced_until) == ("2026-11-01", "2026-12-01")
    assert (whole.calls, whole.cost_nano_usd, whole.estimated_nano_usd) == (2, 3_000_000_000_023, 5)
    assert (nothing.calls, nothing.cost_nano_usd, nothing.priced_from) == (0, 0, "")
    assert (ada.estimated_nano_usd, ada.priced_from, ada.priced_until) == (0, "", "")


def test_a_project_s_spending_is_of_its_time_and_calls(used: Database):
    """The end does not belong to the time; calls that are counted elsewhere are left out."""
    with used.reading() as session:
        assert project_spent(session, "garden", NOW, NOW + 100) == 3_000_000_000_001
        assert project_spent(session, "garden", NOW + 2, NOW + 100) == 1
        assert project_spent(session, "garden", NOW, NOW + 2) == 3_000_000_000_000
        assert project_spent(session, "garden", NOW, NOW + 100, but=[hex_id(1)]) == 0
        assert project_spent(session, "nothing", NOW, NOW + 100) == 0


def test_a_caller_s_calls_are_counted(used: Database):
    """Those begun since a time, but for those that are counted elsewhere."""
    with used.writing() as session:
        conversations.create_call(session, call(3, caller="npub1x", started_at=NOW + 5))
    with used.reading() as session:
        assert calls_of_caller(session, "local", NOW) == 2
        assert calls_of_caller(session, "local", NOW, but=[hex_id(1)]) == 1
        assert calls_of_caller(session, "local", NOW + 1) == 0
        assert calls_of_caller(session, "npub1x", NOW) == 1
        assert conversations.get_call(session, hex_id(3)).caller == "npub1x"
