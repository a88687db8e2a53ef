from __future__ import annotations

from agentvoice.core.event import UnsignedEvent
from agentvoice.protocols.nostr.nip42 import build_auth_event


def test_the_auth_event_names_relay_and_challenge():
    """Kind 22242, the relay's address, its challenge, the present time in seconds."""
    tags = (("relay", "wss://r.example"), ("challenge", "xyz"))
    expected = UnsignedEvent("a" * 64, 1_700_000_000, 22_242, tags, "")
    assert build_auth_event("a" * 64, "wss://r.example", "xyz", 1_700_000_000_999) == expected
