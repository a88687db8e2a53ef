"""Proof of work (NIP-13) on one core, off the event loop: rust-nostr's miner, which needs no GIL."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import msgspec
from nostr_sdk import SingleThreadPow
from nostr_sdk import UnsignedEvent as RustEvent

from agentvoice.core.event import UnsignedEvent
from agentvoice.protocols.nostr.nip13 import check_work

_EVENT = msgspec.json.Decoder(UnsignedEvent)


async def mine(event: UnsignedEvent, bits: int) -> UnsignedEvent:
    """Return the event with a nonce that gives its id `bits` leading zero bits.

    It takes 2**bits tries on the average, about a million a second; a cancelled caller does not stop it.
    """
    mined = await asyncio.to_thread(_mine, event, bits)
    check_work(mined, event, bits)
    return mined


def _mine(event: UnsignedEvent, bits: int) -> UnsignedEvent:
    found = RustEvent.from_json(msgspec.json.encode(asdict(event)).decode())
    mined = found.mine(SingleThreadPow(), bits)
    return _EVENT.decode(mined.as_json())
