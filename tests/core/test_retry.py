from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.retry import (
    JITTER_SHARE,
    RetryPlan,
    is_too_old,
    longest_delay_s,
    next_attempt_at,
    retry_delay_s,
    too_old_before,
)

PLAN = RetryPlan()
DAY_MS = 86_400_000


def test_the_schedule():
    """5 s doubling to 5 min, then hourly."""
    delays = [retry_delay_s(attempts, PLAN) for attempts in range(1, 11)]
    assert delays == [5, 10, 20, 40, 80, 160, 300, 3_600, 3_600, 3_600]


def test_five_days_take_some_130_attempts():
    """A relay that is down for the whole age is dialled about hourly, not thousands of times."""
    attempts, now = 0, 0
    while not is_too_old(0, now, PLAN):
        attempts += 1
        now = next_attempt_at(attempts, now, 0.5, PLAN)
    assert 120 <= attempts <= 135


def test_a_short_schedule_for_tests_and_hurried_operators():
    """The plan's own first and longest delay hold, whatever the defaults are."""
    plan = RetryPlan(first_s=0.1, max_s=0.3)
    assert [retry_delay_s(attempts, plan) for attempts in range(1, 5)] == [0.1, 0.2, 0.3, 0.3]


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_jitter_stays_in_its_share(attempts: int, jitter: float):
    """The next attempt lies within a fifth of the plain delay."""
    delay_ms = retry_delay_s(attempts, PLAN) * 1_000
    waited = next_attempt_at(attempts, 1_000, jitter, PLAN) - 1_000
    assert delay_ms * (1 - JITTER_SHARE) - 1 <= waited <= delay_ms * (1 + JITTER_SHARE) + 1


def test_attempts_count_from_one():
    """Asking for the delay after no attempt is a mistake of ours."""
    with pytest.raises(ValueError, match="attempts: got 0"):
        retry_delay_s(0, PLAN)


def test_the_give_up_age_is_five_days():
    """Exactly at the age a delivery is too old, a moment before it is not."""
    assert not is_too_old(1_000, 1_000 + 5 * DAY_MS - 1, PLAN)
    assert is_too_old(1_000, 1_000 + 5 * DAY_MS, PLAN)


def test_what_is_too_old_and_the_longest_delay():
    """Both agree with what they bound: an age to the millisecond, a delay with all its jitter."""
    bound = too_old_before(10 * DAY_MS, PLAN)
    assert is_too_old(bound, 10 * DAY_MS, PLAN)
    assert not is_too_old(bound + 1, 10 * DAY_MS, PLAN)
    latest = next_attempt_at(100, 0, 1 - 1e-9, PLAN)
    assert latest == pytest.approx(longest_delay_s(PLAN) * 1_000, abs=1)
