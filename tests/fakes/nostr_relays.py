"""Real relays of an independent implementation (rust-nostr), in this process, on free ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nostr_sdk import LocalRelayBuilder, uniffi_set_event_loop


@asynccontextmanager
async def local_relay(**options: Any) -> AsyncIterator[str]:
    """Run rust-nostr's relay with builder options by name; give its address."""
    calls_python = "write_policy" in options
    if calls_python:  # from a thread of Rust, which has no loop of its own
        uniffi_set_event_loop(asyncio.get_running_loop())
    builder = LocalRelayBuilder().addr("127.0.0.1")
    for name, value in options.items():
        builder = getattr(builder, name)(value)
    relay = builder.build()
    await relay.run()
    try:
        yield str(await relay.url()).rstrip("/")
    finally:
        relay.shutdown()
        if calls_python:
            uniffi_set_event_loop(None)
