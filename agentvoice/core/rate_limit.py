"""How often something may happen, or how much of it (generic cell rate algorithm: one number, no timer)."""

from __future__ import annotations

from math import inf

MAX_KEYS = 10_000
"""Keys that are remembered; beyond it those that have been quiet longest are forgotten."""

WINDOW_S = 60.0

ROUNDING_S = 1e-6
"""Sums of seconds are not exact."""


class Allowance:
    """`rate` a second, and `at_once`; what is not used is not saved up beyond that."""

    __slots__ = ("_ahead_s", "_interval_s", "_used_until_s")

    def __init__(self, rate: float, at_once: float) -> None:
        self._interval_s = 1.0 / rate
        self._ahead_s = at_once / rate + ROUNDING_S
        self._used_until_s = -inf

    def wait_s(self, amount: float, now_s: float) -> float:
        """Return how long to wait until `amount` is left, 0 if it is."""
        used_until_s = max(self._used_until_s, now_s) + amount * self._interval_s
        return max(0.0, used_until_s - now_s - self._ahead_s)

    def take(self, amount: float, now_s: float) -> bool:
        """Use up `amount` if there is so much left; return whether there was."""
        used_until_s = max(self._used_until_s, now_s) + amount * self._interval_s
        if used_until_s > now_s + self._ahead_s:
            return False
        self._used_until_s = used_until_s
        return True


class RateLimit:
    """`per_minute` times at once, and as many in each minute, for each of many keys."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._of_key: dict[str, Allowance] = {}

    def wait_s(self, key: str, now_s: float) -> float:
        """Return how long `key` must wait for its next time, 0 if it need not."""
        allowance = self._of_key.get(key)
        return allowance.wait_s(1.0, now_s) if allowance else 0.0

    def spend(self, key: str, now_s: float) -> float:
        """Note one time of `key` if it may be now; return how long it must wait, 0 if it need not."""
        # Taken out and put back: the order of the keys is that of their last times.
        allowance = self._of_key.pop(key, None) or Allowance(self._per_minute / WINDOW_S, self._per_minute)
        self._of_key[key] = allowance
        if len(self._of_key) > MAX_KEYS:
            del self._of_key[next(iter(self._of_key))]
        return 0.0 if allowance.take(1.0, now_s) else allowance.wait_s(1.0, now_s)
