from __future__ import annotations

from datetime import date

import pytest

from agentvoice.errors import UsageError
from agentvoice.services.usage_report import Days, read_days

NOW = 1_800_000_000_000  # 2027-01-15
NAMES = ("from", "to")


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        ("", "", Days(date(2027, 1, 1), date(2027, 1, 15))),
        ("2026-12-24", "", Days(date(2026, 12, 24), date(2027, 1, 15))),
        ("2027-02-01", "", Days(date(2027, 2, 1), date(2027, 2, 1))),
        ("2026-01-01", "2026-01-01", Days(date(2026, 1, 1), date(2026, 1, 1))),
    ],
)
def test_the_days_of_a_report(since: str, until: str, days: Days):
    """This month until today, unless said; a first day to come is its own last."""
    assert read_days(since, until, NOW, NAMES) == days


@pytest.mark.parametrize(("since", "until"), [("x", ""), ("", "2026-13-01"), ("2027-01-02", "2027-01-01")])
def test_wrong_days_are_named(since: str, until: str):
    """By the name that the user knows."""
    with pytest.raises(UsageError, match=r"^(from|to): got"):
        read_days(since, until, NOW, NAMES)
