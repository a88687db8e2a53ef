from __future__ import annotations

from agentvoice.core.reconnect import reconnect_delay_s


def test_the_first_try_comes_at_once_then_the_waits_double():
    """At once, then 1, 2, 4, 8, 16 s, then it is time to give up."""
    waits = [reconnect_delay_s(attempt, jitter=0.0) for attempt in range(7)]
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, None]


def test_jitter_lengthens_a_wait_by_a_quarter_at_most():
    """Calls that were lost together do not return together."""
    assert reconnect_delay_s(3, jitter=1.0) == 5.0
