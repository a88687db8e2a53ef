"""NIP-09: an author asks relays to forget events of its own. A relay may refuse; copies stay."""

from __future__ import annotations

from collections.abc import Sequence

from agentvoice.core.event import SignedEvent, Tags, UnsignedEvent

KIND_DELETION = 5

MAX_EVENTS_PER_DELETION = 40
"""Ids in one deletion: it stays under 4,096 bytes, the smallest limit that a relay in use has."""


def build_deletions(events: Sequence[SignedEvent], now_ms: int) -> tuple[UnsignedEvent, ...]:
    """Return the deletions of one author's events, which all have the same pubkey.

    They are never older than what they delete, whatever the clock says.
    """
    created_at = max([now_ms // 1_000, *(event.created_at for event in events)])
    deletions = []
    for first in range(0, len(events), MAX_EVENTS_PER_DELETION):
        part = events[first : first + MAX_EVENTS_PER_DELETION]
        kinds = dict.fromkeys(event.kind for event in part)
        tags: Tags = (
            *(("e", event.id) for event in part),
            *(("k", str(kind)) for kind in kinds),
        )
        deletions.append(UnsignedEvent(part[0].pubkey, created_at, KIND_DELETION, tags, ""))
    return tuple(deletions)
