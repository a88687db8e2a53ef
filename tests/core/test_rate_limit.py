"""How often something may happen."""

from __future__ import annotations

import pytest

from agentvoice.core import rate_limit
from agentvoice.core.rate_limit import Allowance, RateLimit


def test_so_much_at_once_and_then_as_time_goes():
    """What was not used is there at once, and no more than that; what is refused uses up nothing."""
    allowance = Allowance(2.0, 10.0)
    assert allowance.take(9.0, 100.0)
    assert not allowance.take(2.0, 100.0)
    assert allowance.take(1.0, 100.0)
    assert not allowance.take(1.0, 100.4)
    assert allowance.take(1.0, 100.5)
    assert [allowance.take(1.0, 900.0) for _ in range(11)] == [True] * 10 + [False]
    assert allowance.wait_s(1.0, 900.0) == pytest.approx(0.5, abs=0.001)


def test_so_often_at_once_and_then_as_time_goes():
    """Six a minute: six now, the seventh after ten seconds, and no more than six after a long rest."""
    limit = RateLimit(6)
    assert [limit.spend("a", 0.0) for _ in range(6)] == [0.0] * 6
    assert limit.spend("a", 0.0) == pytest.approx(10.0)
    assert limit.spend("a", 4.0) == pytest.approx(6.0)
    assert limit.spend("a", 10.0) == 0.0
    assert limit.wait_s("a", 10.0) == pytest.approx(10.0)
    assert [limit.spend("a", 9_999.0) == 0.0 for _ in range(7)] == [True] * 6 + [False]


def test_one_key_takes_nothing_from_another():
    """Whoever asks too much keeps nobody else waiting; to look is not to ask."""
    limit = RateLimit(1)
    assert limit.spend("a", 0.0) == limit.wait_s("b", 0.0) == limit.spend("b", 0.0) == 0.0
    assert limit.spend("a", 0.0) > 0


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch):
    """The key that was quiet longest is forgotten."""
    monkeypatch.setattr(rate_limit, "MAX_KEYS", 2)
    limit = RateLimit(2)
    for key in ("a", "b", "a", "c"):
        limit.spend(key, 0.0)
    assert [limit.wait_s(key, 0.0) > 0 for key in "abc"] == [True, False, False]
    assert [limit.spend("b", 0.0) for _ in range(2)] == [0.0, 0.0]
