from __future__ import annotations

from agentvoice.core.event import SignedEvent
from agentvoice.core.relay_address import ListedRelay
from agentvoice.protocols.nostr.nip65 import KIND_RELAY_LIST, find_listed_relays

TAGS = (
    ("r", "wss://both.example"),
    ("r", "wss://read.example", "read"),
    ("r", "wss://write.example", "write"),
    ("r", "wss://empty.example", ""),
    ("r", "wss://odd.example", "sometimes"),
    ("r",),
    ("relay", "wss://other.example"),
)


def test_who_reads_and_who_writes_where():
    """By the marker, without one both; unknown markers and other tags are left out."""
    event = SignedEvent("0" * 64, "a" * 64, 1_700_000_000, KIND_RELAY_LIST, TAGS, "", "0" * 128)
    assert find_listed_relays(event) == (
        ListedRelay("wss://both.example", True, True),
        ListedRelay("wss://read.example", True, False),
        ListedRelay("wss://write.example", False, True),
        ListedRelay("wss://empty.example", True, True),
    )
