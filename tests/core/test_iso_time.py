"""Times as JSON shows them."""

from __future__ import annotations

from agentvoice.core.iso_time import iso_time


def test_a_time_is_written_in_utc_with_milliseconds():
    """Every time has the same length, so that texts sort as their times do."""
    assert iso_time(1_700_000_000_001) == "2023-11-14T22:13:20.001Z"
    assert iso_time(1_700_000_000_000) == "2023-11-14T22:13:20.000Z"


def test_a_time_that_has_not_come_is_null():
    """0 in the tables is never 1970."""
    assert iso_time(0) is None
