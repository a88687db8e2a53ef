from __future__ import annotations

from agentvoice.core.availability import Availability
from agentvoice.errors import ConnectFailed

DOWN = ConnectFailed("openai: down")


def test_the_agents_order_is_the_preference():
    """Nothing failed: the first engine comes first."""
    assert Availability(60.0).order(("openai", "local"), 0.0) == ("openai", "local")


def test_an_engine_that_failed_comes_last_for_a_while():
    """Passed over, not given up: it is the last resort, and the first again after its time."""
    known = Availability(60.0)
    known.failed("openai", DOWN, 100.0)
    assert known.failure_of("openai", 159.9) is DOWN
    assert known.order(("openai", "local"), 159.9) == ("local", "openai")
    assert known.order(("openai",), 159.9) == ("openai",)
    assert known.order(("openai", "local"), 160.0) == ("openai", "local")


def test_an_engine_that_works_again_is_preferred_at_once():
    """A session that opened is better news than an old failure."""
    known = Availability(60.0)
    known.failed("openai", DOWN, 100.0)
    known.worked("openai")
    known.worked("local")
    assert known.failure_of("openai", 101.0) is None
    assert known.order(("openai", "local"), 101.0) == ("openai", "local")
