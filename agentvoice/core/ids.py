"""Identifiers: UUIDv7 (RFC 9562 section 5.7) as 32 lowercase hex digits.

They sort by the time they were made, which keeps database pages and listings in order.
"""

from __future__ import annotations

RANDOM_BYTES = 10
"""Random bytes an id needs; the caller draws them (core draws no random numbers)."""

_VERSION_7 = 0x7
_VARIANT_RFC = 0b10


def build_uuid7(utc_ms: int, random: bytes) -> str:
    """Return the id for the time `utc_ms` (Unix ms) and `RANDOM_BYTES` random bytes."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"random: got {len(random)} bytes, want {RANDOM_BYTES}")
    noise = int.from_bytes(random, "big")
    rand_a = noise >> 68  # the top 12 of 80 bits
    rand_b = noise & ((1 << 62) - 1)
    value = (utc_ms & ((1 << 48) - 1)) << 80 | _VERSION_7 << 76 | rand_a << 64 | _VARIANT_RFC << 62 | rand_b
    return f"{value:032x}"
