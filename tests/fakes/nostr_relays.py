"""Real relays of an independent implementation (rust-nostr), in this process, on free ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nostr_sdk import LocalRelayBuilder


@asynccontextmanager
async def local_relay(**options: Any) -> AsyncIterator[str]:
    """Run rust-nostr's relay with builder options by name; give its address."""
    builder = LocalRelayBuilder().addr("127.0.0.1")
    for name, value in options.items():
        builder = getattr(builder, name)(value)
    relay = builder.build()
    await relay.run()
    try:
        yield str(await relay.url()).rstrip("/")
    finally:
        relay.shutdown()
