"""Whether and when a failed reply is asked for again."""

from __future__ import annotations

import pytest

from agentvoice.protocols.realtime.retries import (
    DEFAULT_RATE_WAIT_S,
    MAX_RATE_REPEATS,
    MAX_SERVER_REPEATS,
    SERVER_WAIT_S,
    RateLimits,
    Repeat,
    plan_repeat,
)
from agentvoice.protocols.realtime.server_events import RateLimit, WireError


def limits(*told: RateLimit) -> RateLimits:
    """What the provider said of its limits."""
    known = RateLimits()
    known.update(told)
    return known


USED_UP = limits(RateLimit("tokens", 0, 4.5), RateLimit("requests", 10, 50.0))


@pytest.mark.parametrize(
    ("error", "known", "repeat"),
    [
        (WireError(code="rate_limit_exceeded"), limits(), Repeat(DEFAULT_RATE_WAIT_S, MAX_RATE_REPEATS)),
        (WireError(code="rate_limit_exceeded"), USED_UP, Repeat(4.5, MAX_RATE_REPEATS)),
        (WireError(type="inference_rate_limit_exceeded"), USED_UP, Repeat(4.5, MAX_RATE_REPEATS)),
        (
            WireError("Please try again in 1.838s.", code="rate_limit_exceeded"),
            USED_UP,
            Repeat(1.838, MAX_RATE_REPEATS),
        ),
        (
            WireError("Try again in 250ms", code="rate_limit_exceeded"),
            limits(),
            Repeat(0.25, MAX_RATE_REPEATS),
        ),
        (WireError("Try again in 90s", code="rate_limit_exceeded"), limits(), None),
        (WireError(type="server_error"), limits(), Repeat(SERVER_WAIT_S, MAX_SERVER_REPEATS)),
        (WireError(type="invalid_request_error", code="bad"), USED_UP, None),
        (WireError(), limits(), None),
    ],
)
def test_the_error_says_whether_and_when(error, known, repeat):
    """The provider's own words on the wait come first, then its limits; a long wait is none."""
    assert plan_repeat(error, known) == repeat


def test_the_newest_word_on_a_limit_counts():
    """A limit that has room again needs no wait; one without numbers neither."""
    known = limits(RateLimit("tokens", 0, 4.5))
    known.update([RateLimit("tokens", 9, 4.0), RateLimit()])
    assert known.wait_s == 0
    known.update([RateLimit("tokens", 0)])
    assert known.wait_s == 0
