"""Which ended calls are old enough to be deleted."""

from __future__ import annotations

from agentvoice.core.budget import month_of
from agentvoice.core.retry import MS_PER_DAY


def retention_cutoff(now: int, days: int) -> int:
    """Return the time (UTC ms) before which a call must have ended to be deleted.

    Never a time of this month: what calls cost is deleted with them, and a project's monthly budget
    counts it until the month is over.
    """
    return min(now - days * MS_PER_DAY, month_of(now)[0])
