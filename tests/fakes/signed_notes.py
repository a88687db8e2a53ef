"""Events to send about."""

from __future__ import annotations

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.event import SignedEvent, UnsignedEvent


async def note(text: str = "hello") -> SignedEvent:
    """A note of somebody nobody knows."""
    signer = KeySigner.generate()
    return await signer.sign(UnsignedEvent(signer.pubkey, 1_700_000_000, 1, (), text))
