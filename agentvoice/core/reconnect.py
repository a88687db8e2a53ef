"""When to try again for a lost session: at once, then 1, 2, 4, 8, 16 s, then no more (path e)."""

from __future__ import annotations

RECONNECT_DELAYS_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""The first try comes at once: most drops are a single broken connection."""

JITTER_SHARE = 0.25
"""Up to this share is added, so that the calls of one daemon do not all return together."""


def reconnect_delay_s(attempt: int, jitter: float) -> float | None:
    """Return the wait before try `attempt` (from 0), None when it is time to give up.

    `jitter` is a random number in 0 … 1.
    """
    if attempt >= len(RECONNECT_DELAYS_S):
        return None
    return RECONNECT_DELAYS_S[attempt] * (1.0 + JITTER_SHARE * jitter)
