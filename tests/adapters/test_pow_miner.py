from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agentvoice.adapters import pow_miner
from agentvoice.adapters.pow_miner import mine
from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.core.event import UnsignedEvent
from agentvoice.core.relay_limits import pow_bits
from agentvoice.errors import LocalProtocolError
from agentvoice.protocols.nostr.nip01 import event_id

SIGNER = KeySigner.generate()
EVENT = UnsignedEvent(
    SIGNER.pubkey, 1_700_000_000, 1, (("t", "x"), ("e", "1" * 64, "", "root")), 'Größe \n "☕" \u2028 <b> \\'
)


async def test_a_mined_event_is_the_same_with_a_nonce():
    """Our id of it has the bits, and it can be signed."""
    mined = await mine(EVENT, 12)
    assert pow_bits(event_id(mined)) >= 12
    assert (mined.content, mined.created_at, mined.tags[:2]) == (EVENT.content, EVENT.created_at, EVENT.tags)
    assert mined.tags[2][0] == "nonce"
    assert mined.tags[2][2] == "12"
    assert find_forgery(await SIGNER.sign(mined)) == ""


async def test_the_loop_goes_on_while_it_works():
    """Other tasks run thousands of times in the meantime."""
    turns = 0
    work = asyncio.create_task(mine(EVENT, 18))
    while not work.done():
        turns += 1
        await asyncio.wait({work}, timeout=0)
    assert turns > 100
    assert pow_bits(event_id(await work)) >= 18


async def test_a_miner_that_changes_the_event_is_not_believed(monkeypatch: pytest.MonkeyPatch):
    """What would be signed is compared with what was asked for."""
    monkeypatch.setattr(pow_miner, "_mine", lambda event, bits: replace(event, content="Buy!"))
    with pytest.raises(LocalProtocolError, match="more than the nonce"):
        await mine(EVENT, 1)
