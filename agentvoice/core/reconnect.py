"""When to try again for a lost session: at once, then 1, 2, 4, 8, 16 s, then no more (path e)."""

from __future__ import annotations

from collections import deque

RECONNECT_DELAYS_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""The first try comes at once: most drops are a single broken connection."""

MAX_RECONNECTS = 20
"""Sessions that a call may lose …"""

RECONNECT_WINDOW_S = 600.0
"""… in this time: one that opens and is lost again at once must not be opened for ever."""

JITTER_SHARE = 0.25
"""Up to this share is added, so that the calls of one daemon do not all return together."""


def reconnect_delay_s(attempt: int, jitter: float) -> float | None:
    """Return the wait before try `attempt` (from 0), None when it is time to give up.

    `jitter` is a random number in 0 … 1.
    """
    if attempt >= len(RECONNECT_DELAYS_S):
        return None
    return RECONNECT_DELAYS_S[attempt] * (1.0 + JITTER_SHARE * jitter)


class ReconnectBudget:
    """Counts the sessions that one call has lost; `now_s` is a monotonic time."""

    def __init__(self) -> None:
        self._lost_at_s: deque[float] = deque(maxlen=MAX_RECONNECTS)

    def take(self, now_s: float) -> bool:
        """Note a lost session; return whether it may be replaced."""
        is_full = len(self._lost_at_s) == MAX_RECONNECTS
        if is_full and now_s - self._lost_at_s[0] < RECONNECT_WINDOW_S:
            return False
        self._lost_at_s.append(now_s)
        return True
