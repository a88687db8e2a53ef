"""How often something may happen, for each of many keys (generic cell rate algorithm: one number a key)."""

from __future__ import annotations

MAX_KEYS = 10_000
"""Keys that are remembered; beyond it those that have been quiet longest are forgotten."""

WINDOW_S = 60.0


class RateLimit:
    """`per_minute` times at once, and as many in each minute; what is not used is not saved up."""

    def __init__(self, per_minute: int) -> None:
        self._interval_s = WINDOW_S / per_minute
        self._slack_s = WINDOW_S - self._interval_s
        self._used_until: dict[str, float] = {}

    def wait_s(self, key: str, now_s: float) -> float:
        """Return how long `key` must wait for its next time, 0 if it need not."""
        return max(0.0, self._used_until.get(key, now_s) - now_s - self._slack_s)

    def spend(self, key: str, now_s: float) -> float:
        """Note one time of `key` if it may be now; return how long it must wait, 0 if it need not."""
        wait_s = self.wait_s(key, now_s)
        if not wait_s:
            # Taken out and put back: the order of the keys is that of their last times.
            used_until = max(self._used_until.pop(key, now_s), now_s)
            self._used_until[key] = used_until + self._interval_s
            if len(self._used_until) > MAX_KEYS:
                del self._used_until[next(iter(self._used_until))]
        return wait_s
