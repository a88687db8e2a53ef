"""NIP-65: the relays that somebody reads and writes at, as they say themselves (kind 10002)."""

from __future__ import annotations

from agentvoice.core.event import SignedEvent

KIND_RELAY_LIST = 10_002


def find_read_relays(event: SignedEvent) -> tuple[str, ...]:
    """Return the addresses where the author wants to be reached, as they stand there, in its order.

    An `r` tag without a marker is for reading and writing.
    """
    return _marked(event, "read")


def find_write_relays(event: SignedEvent) -> tuple[str, ...]:
    """Return the addresses where what the author writes is found."""
    return _marked(event, "write")


def _marked(event: SignedEvent, marker: str) -> tuple[str, ...]:
    return tuple(
        tag[1]
        for tag in event.tags
        if len(tag) > 1 and tag[0] == "r" and (len(tag) == 2 or tag[2] in ("", marker))
    )
