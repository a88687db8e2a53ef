from __future__ import annotations

from agentvoice.core.event import SignedEvent
from agentvoice.protocols.nostr.nip65 import KIND_RELAY_LIST, find_read_relays, find_write_relays

TAGS = (
    ("r", "wss://both.example"),
    ("r", "wss://read.example", "read"),
    ("r", "wss://write.example", "write"),
    ("r", "wss://empty.example", ""),
    ("r", "wss://odd.example", "sometimes"),
    ("r",),
    ("relay", "wss://other.example"),
)
EVENT = SignedEvent("0" * 64, "a" * 64, 1_700_000_000, KIND_RELAY_LIST, TAGS, "", "0" * 128)


def test_where_the_author_reads():
    """Tags without a marker, or with `read`; anything else is not taken for it."""
    assert find_read_relays(EVENT) == ("wss://both.example", "wss://read.example", "wss://empty.example")


def test_where_the_author_writes():
    """Tags without a marker, or with `write`."""
    assert find_write_relays(EVENT) == ("wss://both.example", "wss://write.example", "wss://empty.example")
