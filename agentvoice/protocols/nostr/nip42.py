"""NIP-42: the event that answers a relay's AUTH challenge."""

from __future__ import annotations

from agentvoice.core.event import UnsignedEvent

KIND_AUTH = 22_242


def build_auth_event(pubkey: str, relay: str, challenge: str, now_ms: int) -> UnsignedEvent:
    """Return the unsigned event that proves to `relay` that we are `pubkey`; it is never stored."""
    return UnsignedEvent(
        pubkey=pubkey,
        created_at=now_ms // 1_000,
        kind=KIND_AUTH,
        tags=(("relay", relay), ("challenge", challenge)),
        content="",
    )
