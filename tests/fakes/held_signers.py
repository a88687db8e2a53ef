"""Relay connections that answer AUTH as the signers that a test holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.signer import KeySigner
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings


@asynccontextmanager
async def relays_of(signers: Sequence[KeySigner], settings: RelaySettings) -> AsyncIterator[WebsocketRelays]:
    """Open them; they know nobody else."""
    held = {signer.pubkey: signer for signer in signers}

    async def find_signer(pubkey: str) -> KeySigner | None:
        return held.get(pubkey)

    opened = WebsocketRelays(settings, SystemClock(), find_signer)
    yield opened
    await opened.close()
