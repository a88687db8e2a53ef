"""Channels to bunkers, with relay connections in real time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agentvoice.adapters.bunker_channel import BunkerChannel
from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.signer import KeySigner
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.core.ports import Clock
from agentvoice.protocols.nostr.nip46 import BunkerLink


@asynccontextmanager
async def bunker_channels() -> AsyncIterator[Callable[..., BunkerChannel]]:
    """Give what opens channels, with a clock if one is given; they are closed when the block ends."""
    channels: list[tuple[BunkerChannel, WebsocketRelays]] = []

    def open_channel(link: BunkerLink, clock: Clock | None = None) -> BunkerChannel:
        async def find_client(pubkey: str) -> KeySigner | None:
            return channel.client if pubkey == channel.client.pubkey else None

        relays = WebsocketRelays(RelaySettings(), SystemClock(), find_client)
        channel = BunkerChannel(link, relays, clock or SystemClock())
        channels.append((channel, relays))
        return channel

    try:
        yield open_channel
    finally:
        for channel, relays in channels:
            await channel.close()
            await relays.close()
