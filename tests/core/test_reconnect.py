from __future__ import annotations

from agentvoice.core.reconnect import MAX_RECONNECTS, RECONNECT_WINDOW_S, ReconnectBudget, reconnect_delay_s


def test_the_first_try_comes_at_once_then_the_waits_double():
    """At once, then 1, 2, 4, 8, 16 s, then it is time to give up."""
    waits = [reconnect_delay_s(attempt, jitter=0.0) for attempt in range(7)]
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, None]


def test_jitter_lengthens_a_wait_by_a_quarter_at_most():
    """Calls that were lost together do not return together."""
    assert reconnect_delay_s(3, jitter=1.0) == 5.0


def test_sessions_that_are_lost_at_once_are_not_opened_for_ever():
    """So many in the window, then no more until the oldest is out of it."""
    budget = ReconnectBudget()
    assert all(budget.take(float(second)) for second in range(MAX_RECONNECTS))
    assert not budget.take(RECONNECT_WINDOW_S - 0.1)
    assert budget.take(RECONNECT_WINDOW_S)
    assert not budget.take(RECONNECT_WINDOW_S)
