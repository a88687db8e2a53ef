"""What a relay says it takes (NIP-11 `limitation`), and whether an event fits into that."""

from __future__ import annotations

from dataclasses import dataclass

from agentvoice.core.event import SignedEvent

ID_BITS = 256


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """The limits of one relay; None, or False: it does not say."""

    max_message_bytes: int | None = None
    """Of a whole frame."""
    max_content_chars: int | None = None
    max_event_tags: int | None = None
    min_pow_bits: int | None = None
    auth_required: bool = False
    payment_required: bool = False
    restricted_writes: bool = False
    created_at_lower_limit_s: int | None = None
    """How far in the past `created_at` may be."""
    created_at_upper_limit_s: int | None = None
    """How far in the future `created_at` may be."""


UNSAID = RelayLimits()
"""The limits of a relay that says nothing."""


def pow_bits(event_id: str) -> int:
    """Return the proof of work of an event (NIP-13): the leading zero bits of its id."""
    return ID_BITS - int(event_id, 16).bit_length()


def find_excess(limits: RelayLimits, event: SignedEvent, frame_bytes: int, now_s: int) -> str:
    """Return why the relay would not take this event, "" if nothing speaks against it.

    `frame_bytes` is the size of its EVENT frame. Payment and restricted writes are no reasons: the
    author may be one of those who may.
    """
    sizes = (
        ("bytes of an event", frame_bytes, limits.max_message_bytes),
        ("characters of content", len(event.content), limits.max_content_chars),
        ("tags", len(event.tags), limits.max_event_tags),
    )
    for what, size, most in sizes:
        if most is not None and size > most:
            return f"the relay takes at most {most} {what}, this one has {size}"
    least = limits.min_pow_bits
    if least is not None and (found := pow_bits(event.id)) < least:
        return f"the relay wants {least} bits of proof of work, this event has {found}"
    return _find_wrong_time(limits, event.created_at - now_s)


def _find_wrong_time(limits: RelayLimits, ahead_s: int) -> str:
    oldest, newest = limits.created_at_lower_limit_s, limits.created_at_upper_limit_s
    if oldest is not None and -ahead_s > oldest:
        return f"the relay takes events up to {oldest} s old, this one is {-ahead_s} s old"
    if newest is not None and ahead_s > newest:
        return f"the relay takes events up to {newest} s ahead of its clock, this one is {ahead_s} s ahead"
    return ""
