"""When to try a relay again: 5 s, doubling to 5 min, then hourly, until the give-up age.

Trying at once and for ever gets an address blocked; giving up early loses threads. All times are
arguments; `jitter` is a random number from 0 to 1 (1 excluded), drawn by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass

FAST_LIMIT_S = 300.0
"""Delays double up to here; after that an outage is no hiccup, and `max_s` is the rhythm."""

JITTER_SHARE = 0.2
"""A delay is up to this share shorter or longer, so that a relay's clients do not return as one."""

MS_PER_S = 1_000
MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """The delays of one queue and the age at which it gives up."""

    first_s: float = 5.0
    max_s: float = 3_600.0
    give_up_days: float = 5.0


def retry_delay_s(attempts: int, plan: RetryPlan) -> float:
    """Return the delay after the `attempts`-th failed attempt (from 1), before jitter."""
    if attempts < 1:
        raise ValueError(f"attempts: got {attempts}, want 1 or more")
    fast_limit_s = min(FAST_LIMIT_S, plan.max_s)
    delay_s = plan.first_s
    for _ in range(attempts - 1):
        if delay_s >= fast_limit_s:
            return plan.max_s
        delay_s = min(delay_s * 2, fast_limit_s)
    return min(delay_s, plan.max_s)


def next_attempt_at(attempts: int, now_ms: int, jitter: float, plan: RetryPlan) -> int:
    """Return when to try again (UTC ms) after the `attempts`-th attempt, made at `now_ms`."""
    spread = 1 + JITTER_SHARE * (2 * jitter - 1)
    return now_ms + round(retry_delay_s(attempts, plan) * spread * MS_PER_S)


def is_too_old(created_ms: int, now_ms: int, plan: RetryPlan) -> bool:
    """Return whether the give-up age has passed."""
    return now_ms - created_ms >= plan.give_up_days * MS_PER_DAY


PACE_FIRST_S = 1.0
PACE_MAX_S = 60.0
PACE_FORGET_S = 0.5
"""A pace this fast is none: the relay is sent events as they come."""


def slower_pace_s(pace_s: float) -> float:
    """Return the seconds between two events after a relay said `rate-limited:` (half the rate)."""
    return min(max(PACE_FIRST_S, pace_s * 2), PACE_MAX_S)


def faster_pace_s(pace_s: float) -> float:
    """Return the seconds between two events after a relay accepted one: a tenth less, then none."""
    eased_s = pace_s * 0.9
    return 0.0 if eased_s < PACE_FORGET_S else eased_s
