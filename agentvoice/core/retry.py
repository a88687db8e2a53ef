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


def too_old_before(now_ms: int, plan: RetryPlan) -> int:
    """Return when what is too old now was made at the latest (UTC ms)."""
    return now_ms - round(plan.give_up_days * MS_PER_DAY)


def longest_delay_s(plan: RetryPlan) -> float:
    """Return the longest delay that `next_attempt_at` ever gives."""
    return plan.max_s * (1 + JITTER_SHARE)
