from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agentvoice.core.budget import (
    ENDINGS,
    CallLimits,
    Spent,
    Verdict,
    check_caller,
    check_project_budget,
    judge_call,
    month_of,
    next_look_ms,
    words_of,
)
from agentvoice.errors import BudgetSpent, CallLimitReached

LIMITS = CallLimits(
    call_nano_usd=1_000, call_ms=600_000, project_nano_usd=5_000, warn_percent=80, warn_before_end_ms=60_000
)


@pytest.mark.parametrize(
    ("call", "project", "elapsed_ms", "verdict"),
    [
        (0, 0, 0, Verdict.FINE),
        (799, 3_999, 539_999, Verdict.FINE),
        (800, 0, 0, Verdict.MONEY_LOW),
        (999, 0, 0, Verdict.MONEY_LOW),
        (1_000, 0, 0, Verdict.MONEY_SPENT),
        (0, 4_000, 0, Verdict.PROJECT_LOW),
        (0, 5_000, 0, Verdict.PROJECT_SPENT),
        (0, 9_000, 0, Verdict.PROJECT_SPENT),
        (0, 0, 540_000, Verdict.TIME_LOW),
        (0, 0, 600_000, Verdict.TIME_OVER),
        (1_000, 5_000, 600_000, Verdict.TIME_OVER),
        (800, 4_000, 540_000, Verdict.TIME_LOW),
        (800, 5_000, 540_000, Verdict.PROJECT_SPENT),
    ],
)
def test_a_call_is_judged_by_its_limits(call: int, project: int, elapsed_ms: int, verdict: Verdict):
    """What ends the call goes before what warns."""
    assert judge_call(LIMITS, Spent(call, project, elapsed_ms)) is verdict


def test_a_warning_is_given_once():
    """After it the next reason is found, or none."""
    spent = Spent(800, 4_000, 540_000)
    assert judge_call(LIMITS, spent, {Verdict.TIME_LOW}) is Verdict.MONEY_LOW
    assert judge_call(LIMITS, spent, {Verdict.TIME_LOW, Verdict.MONEY_LOW}) is Verdict.PROJECT_LOW
    warned = {Verdict.TIME_LOW, Verdict.MONEY_LOW, Verdict.PROJECT_LOW}
    assert judge_call(LIMITS, spent, warned) is Verdict.FINE
    assert judge_call(LIMITS, replace(spent, call_nano_usd=1_000), warned) is Verdict.MONEY_SPENT


def test_a_project_without_a_budget_ends_no_call():
    """0 is no budget, not an empty one."""
    unlimited = replace(LIMITS, project_nano_usd=0)
    assert judge_call(unlimited, Spent(0, 10**15, 0)) is Verdict.FINE


@pytest.mark.parametrize(("elapsed_ms", "next_ms"), [(0, 540_000), (539_999, 540_000), (540_000, 600_000)])
def test_time_is_looked_at_when_it_matters(elapsed_ms: int, next_ms: int):
    """At the warning, then at the end."""
    assert next_look_ms(LIMITS, elapsed_ms) == next_ms


def test_a_short_call_is_warned_half_way():
    """A call of a minute is not warned in its first second."""
    assert replace(LIMITS, call_ms=60_000).warn_at_ms == 30_000


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.FINE])
def test_each_verdict_has_words(verdict: Verdict):
    """A warning names no end, an end says goodbye."""
    assert words_of(verdict, LIMITS).endswith("Goodbye." if verdict in ENDINGS else ".")


@pytest.mark.parametrize(
    ("before_ms", "words"), [(60_000, "in a minute."), (120_000, "in 2 minutes."), (20_000, "in 20 seconds.")]
)
def test_the_time_left_is_said(before_ms: int, words: str):
    """In minutes, or in seconds when it is less than one."""
    assert words_of(Verdict.TIME_LOW, replace(LIMITS, warn_before_end_ms=before_ms)).endswith(words)


@pytest.mark.parametrize(
    ("day", "first", "after"),
    [
        ((2026, 11, 30, 23, 59), (2026, 11, 1), (2026, 12, 1)),
        ((2026, 12, 1), (2026, 12, 1), (2027, 1, 1)),
        ((2028, 2, 29), (2028, 2, 1), (2028, 3, 1)),
    ],
)
def test_a_month_is_a_calendar_s(day: tuple[int, ...], first: tuple[int, ...], after: tuple[int, ...]):
    """From its first midnight (UTC) to before that of the next one."""

    def ms(parts: tuple[int, ...]) -> int:
        year, month, date, hour, minute = (*parts, 0, 0)[:5]
        return int(datetime(year, month, date, hour, minute, tzinfo=UTC).timestamp() * 1_000)

    assert month_of(ms(day)) == (ms(first), ms(after))


def test_a_spent_project_is_refused():
    """The message names project, figures and the way out; without a budget nothing is refused."""
    check_project_budget("garden", 10**12, 0)
    check_project_budget("garden", 999, 1_000)
    with pytest.raises(
        BudgetSpent, match=r"project garden: 2\.50 USD of this month's 2\.00 are spent; .* garden --budget"
    ):
        check_project_budget("garden", 2_500_000_000, 2_000_000_000)


def test_a_caller_with_too_many_calls_is_refused():
    """The last allowed one begins, the next does not."""
    check_caller("local", 2, 3)
    with pytest.raises(CallLimitReached, match=r"caller local: 3 calls .* calls_per_caller_per_hour is 3"):
        check_caller("local", 3, 3)
