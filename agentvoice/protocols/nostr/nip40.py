"""NIP-40: events that relays should forget after a time, and that nobody sends after it."""

from __future__ import annotations

import re

from agentvoice.core.event import SignedEvent

SECONDS_PER_DAY = 86_400
_SECONDS = re.compile(r"[0-9]{1,15}")


def expires_at_s(ended_at_ms: int, days: int) -> int:
    """Return when the events of a call expire (Unix seconds), so many days after its end."""
    return ended_at_ms // 1_000 + days * SECONDS_PER_DAY


def has_expired(event: SignedEvent, now_ms: int) -> bool:
    """Return whether the event's expiration has passed; without one it never does."""
    times = [tag[1] for tag in event.tags if len(tag) > 1 and tag[0] == "expiration"]
    return any(int(time) * 1_000 <= now_ms for time in times if _SECONDS.fullmatch(time))
