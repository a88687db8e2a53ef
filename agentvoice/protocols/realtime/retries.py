"""Whether a reply that the provider failed to give is asked for again, and after which wait.

Pure decisions: the provider's error and its last word on limits in, wait and bound out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from agentvoice.protocols.realtime.server_events import RateLimit, WireError

RATE_LIMITED = frozenset({"rate_limit_exceeded", "inference_rate_limit_exceeded"})
SERVER_TROUBLE = frozenset({"server_error", "internal_error", "internal_server_error", "overloaded_error"})

MAX_WAIT_S = 30.0
"""A caller who must wait longer than this for a reply is told instead."""

DEFAULT_RATE_WAIT_S = 1.0  # when the provider does not say
SERVER_WAIT_S = 0.5  # long enough for a hiccup, too short for the caller to wonder
MAX_RATE_REPEATS = 3
MAX_SERVER_REPEATS = 1

_SAID_WAIT = re.compile(r"try again in (\d+(?:\.\d+)?) ?(ms|s)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Ask again after `wait_s`, `most` times at most."""

    wait_s: float
    most: int


class RateLimits:
    """The provider's last word on its limits (`rate_limits.updated`)."""

    def __init__(self) -> None:
        self._reset_s: dict[str, float] = {}

    def update(self, limits: Iterable[RateLimit]) -> None:
        """Take in what was told of some limits."""
        for limit in limits:
            is_used_up = limit.remaining is not None and limit.remaining <= 0
            self._reset_s[limit.name or ""] = limit.reset_seconds or 0.0 if is_used_up else 0.0

    @property
    def wait_s(self) -> float:
        """Seconds from that word until no limit is used up."""
        return max(self._reset_s.values(), default=0.0)


def plan_repeat(error: WireError, limits: RateLimits) -> Repeat | None:
    """Return how a reply that failed by `error` is asked for again, None when it is not."""
    names = {error.code, error.type}
    if names & RATE_LIMITED:
        wait_s = _said_wait_s(error) or limits.wait_s or DEFAULT_RATE_WAIT_S
        return Repeat(wait_s, MAX_RATE_REPEATS) if wait_s <= MAX_WAIT_S else None
    return Repeat(SERVER_WAIT_S, MAX_SERVER_REPEATS) if names & SERVER_TROUBLE else None


def _said_wait_s(error: WireError) -> float:
    said = _SAID_WAIT.search(error.message or "")
    if said is None:
        return 0.0
    return float(said[1]) / (1_000 if said[2].lower() == "ms" else 1)
