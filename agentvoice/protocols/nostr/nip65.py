"""NIP-65: the relays that somebody reads and writes at, as they say themselves (kind 10002)."""

from __future__ import annotations

from agentvoice.core.event import SignedEvent
from agentvoice.core.relay_address import ListedRelay

KIND_RELAY_LIST = 10_002

_MARKERS = {"": (True, True), "read": (True, False), "write": (False, True)}


def find_listed_relays(event: SignedEvent) -> tuple[ListedRelay, ...]:
    """Return the relays of a list, addresses as they stand there, in its order.

    An `r` tag without a marker is for reading and writing; one with an unknown marker for neither.
    """
    listed = []
    for tag in event.tags:
        if len(tag) > 1 and tag[0] == "r":
            marker = _MARKERS.get(tag[2] if len(tag) > 2 else "")
            if marker is not None:
                listed.append(ListedRelay(tag[1], *marker))
    return tuple(listed)
