"""NIP-59: an event sealed by its author and wrapped by a key that is used once.

Inside lies the rumor: an event with an id and without a signature. The seal (kind 13) says who wrote
it, to its reader alone; the gift wrap (kind 1059) shows its reader and nothing else. Encryption
(NIP-44), keys and random times come from the caller.
"""

from __future__ import annotations

import json
from bisect import bisect_right

from agentvoice.core.event import SignedEvent, Tags, UnsignedEvent
from agentvoice.protocols.nostr import nip44
from agentvoice.protocols.nostr.nip01 import encode_event, event_id

KIND_SEAL = 13
KIND_GIFT_WRAP = 1059

MAX_BACKDATING_S = 2 * 86_400
"""NIP-59: times are drawn from the last two days, so that they tell nothing of the call's."""

MAX_WRAP_BYTES = 64_000
"""What a wrap takes as JSON at most: common relays refuse frames above 64 KiB."""

_NO_BYTES = "0" * 64
_TOO_LARGE = 1 << 30


def encode_rumor(event: UnsignedEvent) -> str:
    """Return an event as a rumor: JSON with its id, and unsigned."""
    fields = {
        "id": event_id(event),
        "pubkey": event.pubkey,
        "created_at": event.created_at,
        "kind": event.kind,
        "tags": event.tags,
        "content": event.content,
    }
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def build_seal(author: str, payload: str, created_at: int) -> UnsignedEvent:
    """Return the seal around an encrypted rumor; the author signs it. It has no tags (NIP-59)."""
    return UnsignedEvent(author, created_at, KIND_SEAL, (), payload)


def build_wrap(
    fresh_pubkey: str, reader: str, payload: str, created_at: int, tags: Tags = ()
) -> UnsignedEvent:
    """Return the gift wrap around an encrypted seal; a key made for it alone signs it."""
    return UnsignedEvent(fresh_pubkey, created_at, KIND_GIFT_WRAP, (("p", reader), *tags), payload)


def backdate(now_s: int, share: float) -> int:
    """Return a time of the last two days; `share` is random, from 0 to 1 (excluded)."""
    return now_s - int(share * MAX_BACKDATING_S)


def wrap_bytes(rumor_bytes: int, tags: Tags = ()) -> int:
    """Return how many bytes the gift wrap of a rumor of that size takes as JSON."""
    seal_bytes = _event_bytes(()) + nip44.payload_chars(rumor_bytes)
    if seal_bytes > nip44.MAX_TEXT_BYTES:
        return _TOO_LARGE
    return _event_bytes((("p", _NO_BYTES), *tags)) + nip44.payload_chars(seal_bytes)


def largest_rumor(max_wrap_bytes: int, tags: Tags = ()) -> int:
    """Return the bytes of the largest rumor whose wrap is not larger than that; 0: none fits."""
    sizes = range(1, nip44.MAX_TEXT_BYTES + 1)
    return bisect_right(sizes, max_wrap_bytes, key=lambda size: wrap_bytes(size, tags))


def _event_bytes(tags: Tags) -> int:
    """The bytes of an event without content, its time of ten digits and the longer of our kinds."""
    empty = SignedEvent(_NO_BYTES, _NO_BYTES, 10**9, KIND_GIFT_WRAP, tags, "", _NO_BYTES * 2)
    return len(encode_event(empty).encode())
