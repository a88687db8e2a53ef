"""Which ended calls are old enough to be deleted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agentvoice.core.retention import retention_cutoff


def ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1_000)  # type: ignore[misc, arg-type] # year, month, day …


@pytest.mark.parametrize(
    ("now", "days", "cutoff"),
    [
        (ms(2026, 11, 25, 12), 90, ms(2026, 8, 27, 12)),
        (ms(2026, 11, 25, 12), 1, ms(2026, 11, 1)),  # this month's costs still count
        (ms(2026, 11, 1, 0), 1, ms(2026, 10, 31)),
        (ms(2026, 12, 1, 0, 1), 1, ms(2026, 11, 30, 0, 1)),
        (ms(2026, 1, 1, 5), 30, ms(2025, 12, 2, 5)),
    ],
)
def test_a_call_is_kept_for_its_days_and_for_the_rest_of_its_month(now: int, days: int, cutoff: int):
    """Whichever is longer."""
    assert retention_cutoff(now, days) == cutoff
