from __future__ import annotations

import pytest

from agentvoice.core.event import SignedEvent
from agentvoice.protocols.nostr.nip40 import expires_at_s, has_expired


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ((("expiration", "1700000000"),), True),
        ((("expiration", "1700000001"),), False),
        ((("expiration", "soon"), ("expiration",), ("-",), ("expiration", "9" * 16)), False),
        ((("t", "1"),), False),
        ((), False),
    ],
)
def test_an_event_expires_at_its_second(tags: tuple[tuple[str, ...], ...], expected: bool):
    """From the very second on; what is no time never comes."""
    event = SignedEvent("a" * 64, "b" * 64, 0, 1, tags, "", "c" * 128)
    assert has_expired(event, 1_700_000_000_000) is expected


def test_the_time_is_days_after_the_call():
    """In Unix seconds, from the end of the call."""
    assert expires_at_s(1_700_000_000_999, 2) == 1_700_000_000 + 2 * 86_400
