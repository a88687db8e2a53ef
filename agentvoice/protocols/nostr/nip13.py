"""NIP-13: proof of work. An id with enough leading zero bits, found by trying values of a `nonce` tag.

The ids of a thread's events change with their work, so replies are linked again to what they answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agentvoice.core.event import UnsignedEvent
from agentvoice.core.relay_limits import pow_bits
from agentvoice.errors import LocalProtocolError
from agentvoice.protocols.nostr.nip01 import event_id

NONCE_TAG = "nonce"


def relink(event: UnsignedEvent, new_ids: Mapping[str, str]) -> UnsignedEvent:
    """Return the event with its `e` tags naming the events' new ids."""
    tags = tuple(
        (tag[0], new_ids.get(tag[1], tag[1]), *tag[2:]) if tag[0] == "e" else tag for tag in event.tags
    )
    return replace(event, tags=tags)


def check_work(mined: UnsignedEvent, event: UnsignedEvent, bits: int) -> None:
    """Raise LocalProtocolError unless `mined` is `event` with a nonce, of at least `bits` bits of work."""
    without = replace(mined, tags=tuple(tag for tag in mined.tags if tag[0] != NONCE_TAG))
    if without != event:
        raise LocalProtocolError("proof of work: the miner changed more than the nonce")
    if (found := pow_bits(event_id(mined))) < bits:
        raise LocalProtocolError(f"proof of work: got {found} bits, want {bits}")
