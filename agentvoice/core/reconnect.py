"""When to try again for a lost session: at once, then 1, 2, 4, 8, 16 s, then no more (path e)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

RECONNECT_WINDOW_S = 600.0
"""Lost sessions are counted over this time: one that opens and is lost again at once must not be
opened for ever."""

MAX_DELAY_S = 60.0
"""However many tries are allowed, nobody on a call waits longer than this for the next one."""

JITTER_SHARE = 0.25
"""Up to this share is added, so that the calls of one daemon do not all return together."""


@dataclass(frozen=True, slots=True)
class ReconnectPlan:
    """How often a lost session is tried again.

    The first try comes at once (most drops are a single broken connection); up to `retries` more
    follow, the first after `first_s`, each wait twice the last. `max_in_window` is how many sessions
    a call may lose in RECONNECT_WINDOW_S.
    """

    retries: int = 5
    first_s: float = 1.0
    max_in_window: int = 20


def reconnect_delay_s(attempt: int, jitter: float, plan: ReconnectPlan) -> float | None:
    """Return the wait before try `attempt` (from 0), None when it is time to give up.

    `jitter` is a random number in 0 … 1.
    """
    if attempt == 0:
        return 0.0
    if attempt > plan.retries:
        return None
    delay_s = plan.first_s
    for _ in range(attempt - 1):
        delay_s = min(delay_s * 2, MAX_DELAY_S)
    return delay_s * (1.0 + JITTER_SHARE * jitter)


class ReconnectBudget:
    """Counts the sessions that one call has lost; `now_s` is a monotonic time."""

    def __init__(self, plan: ReconnectPlan) -> None:
        self._lost_at_s: deque[float] = deque(maxlen=plan.max_in_window)

    def take(self, now_s: float) -> bool:
        """Note a lost session; return whether it may be replaced."""
        is_full = len(self._lost_at_s) == self._lost_at_s.maxlen
        if is_full and now_s - self._lost_at_s[0] < RECONNECT_WINDOW_S:
            return False
        self._lost_at_s.append(now_s)
        return True
