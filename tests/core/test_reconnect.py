from __future__ import annotations

from agentvoice.core.reconnect import (
    MAX_DELAY_S,
    RECONNECT_WINDOW_S,
    ReconnectBudget,
    ReconnectPlan,
    reconnect_delay_s,
)


def test_the_first_try_comes_at_once_then_the_waits_double():
    """At once, then 1, 2, 4, 8, 16 s, then it is time to give up."""
    waits = [reconnect_delay_s(attempt, 0.0, ReconnectPlan()) for attempt in range(7)]
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, None]


def test_the_plan_says_how_often_and_how_fast():
    """No retries leave the one try at once; many of them never wait longer than the limit."""
    assert [reconnect_delay_s(attempt, 0.0, ReconnectPlan(retries=0)) for attempt in (0, 1)] == [0.0, None]
    assert reconnect_delay_s(2, 0.0, ReconnectPlan(first_s=0.25)) == 0.5
    assert reconnect_delay_s(20, 0.0, ReconnectPlan(retries=20)) == MAX_DELAY_S


def test_jitter_lengthens_a_wait_by_a_quarter_at_most():
    """Calls that were lost together do not return together."""
    assert reconnect_delay_s(3, 1.0, ReconnectPlan()) == 5.0


def test_sessions_that_are_lost_at_once_are_not_opened_for_ever():
    """So many in the window, then no more until the oldest is out of it."""
    budget = ReconnectBudget(ReconnectPlan(max_in_window=20))
    assert all(budget.take(float(second)) for second in range(20))
    assert not budget.take(RECONNECT_WINDOW_S - 0.1)
    assert budget.take(RECONNECT_WINDOW_S)
    assert not budget.take(RECONNECT_WINDOW_S)
