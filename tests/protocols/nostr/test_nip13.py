from __future__ import annotations

from dataclasses import replace

import pytest

from agentvoice.core.event import UnsignedEvent
from agentvoice.core.relay_limits import pow_bits
from agentvoice.errors import LocalProtocolError
from agentvoice.protocols.nostr.nip01 import event_id
from agentvoice.protocols.nostr.nip13 import check_work, relink

EVENT = UnsignedEvent("a" * 64, 1, 1, (("p", "1" * 64), ("e", "1" * 64, "", "root")), "Hi.")


def mined(bits: int) -> UnsignedEvent:
    """Tried one by one, as the NIP has it."""
    for number in range(100_000):
        tried = replace(EVENT, tags=(*EVENT.tags, ("nonce", str(number), str(bits))))
        if pow_bits(event_id(tried)) >= bits:
            return tried
    raise AssertionError("no nonce found")


def test_replies_name_the_new_ids():
    """Only `e` tags, only ids that changed; markers and hints stay."""
    found = relink(EVENT, {"1" * 64: "2" * 64})
    assert found.tags == (("p", "1" * 64), ("e", "2" * 64, "", "root"))
    assert relink(EVENT, {"3" * 64: "2" * 64}) == EVENT


def test_work_is_checked():
    """Enough bits, and nothing but the nonce is new."""
    good = mined(8)
    check_work(good, EVENT, 8)
    with pytest.raises(LocalProtocolError, match="bits, want 30"):
        check_work(good, EVENT, 30)
    with pytest.raises(LocalProtocolError, match="changed more than the nonce"):
        check_work(replace(good, created_at=2), EVENT, 8)
