from __future__ import annotations

import pytest

from agentvoice.core.redial import MAX_WAIT_S, redial_wait_s
from agentvoice.core.retry import RetryPlan, retry_delay_s


def test_waits_double_up_to_five_minutes():
    """1, 2, 4 … 256, then 300 s for good."""
    waits = [redial_wait_s(failures, 0.5) for failures in range(1, 12)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert redial_wait_s(10**6, 0.5) == MAX_WAIT_S


def test_jitter_spreads_a_fifth_to_both_sides():
    """The same failure leads to other waits on other machines."""
    assert redial_wait_s(3, 0.0) == pytest.approx(3.2)
    assert redial_wait_s(3, 1.0) == pytest.approx(4.8)


@pytest.mark.parametrize("failures", range(1, 9))
def test_a_delivery_is_never_kept_from_its_own_retry(failures: int):
    """The longest wait for a dial is shorter than the shortest wait of a delivery that failed as often."""
    assert redial_wait_s(failures, 1.0) < 0.8 * retry_delay_s(failures, RetryPlan())


def test_no_failure_has_no_wait():
    """Asking for the wait after nothing is a defect."""
    with pytest.raises(ValueError, match="failures: got 0"):
        redial_wait_s(0, 0.5)
