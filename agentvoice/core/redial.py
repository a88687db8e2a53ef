"""When a relay that could not be dialled may be dialled again: after 1 s, doubling to 5 min.

This guards the address, whoever asks; when a delivery is tried again is core.retry's. The waits are
shorter than those of a delivery (5 s, 10 s …), so a delivery's own retry always finds the way free.
"""

from __future__ import annotations

FIRST_WAIT_S = 1.0
MAX_WAIT_S = 300.0

JITTER_SHARE = 0.2
"""A wait is up to this share shorter or longer, so that a relay's clients do not return as one."""

_MAX_DOUBLINGS = 20
"""More than are needed to reach MAX_WAIT_S, few enough for a float."""


def redial_wait_s(failures: int, jitter: float) -> float:
    """Return the wait after that many failed dials in a row (from 1); `jitter` is from 0 to 1."""
    if failures < 1:
        raise ValueError(f"failures: got {failures}, want 1 or more")
    wait_s = min(FIRST_WAIT_S * 2.0 ** min(failures - 1, _MAX_DOUBLINGS), MAX_WAIT_S)
    return wait_s * (1 + JITTER_SHARE * (2 * jitter - 1))
