"""NDK's NIP-46 backend as a bunker: a process of its own that holds a key, found over real relays."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.protocols.nostr.nip19 import decode_secret
from tests.fakes.nostr_tools import NODE, PEERS

PATIENCE_S = 30.0


@dataclass
class NdkBunker:
    """`signer` is the key it holds; `granted` are the clients that it has let in.

    `asked` are the methods for which it was asked leave, known after the next order or `kill`.
    """

    relays: tuple[str, ...]
    signer: KeySigner = field(default_factory=KeySigner.generate)
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    granted: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Its bunker:// address, with the secret that is good once."""
        relays = "".join(f"relay={quote(relay, safe='')}&" for relay in self.relays)
        return f"bunker://{self.signer.pubkey}?{relays}secret={self.token}"

    async def start(self) -> None:
        """Start the process; it listens when this returns."""
        if not (PEERS / "node_modules/@nostr-dev-kit/ndk").exists():
            pytest.fail("the npm packages of tests/peers are missing: run tools/peers.sh")
        self._process = await asyncio.create_subprocess_exec(
            NODE, PEERS / "bunker.mjs", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        secret = decode_secret("secret", self.signer.reveal()).hex()
        order = {"secret": secret, "relays": self.relays, "token": self.token, "granted": self.granted}
        await self._order(order, "ready")

    async def deny(self, *methods: str) -> None:
        """Refuse these methods from now on."""
        await self._order({"deny": methods}, "denied")

    async def kill(self) -> None:
        """End the process at once; the key and what was granted are kept for `start`."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        assert process.stdout is not None
        self._note((await process.stdout.read()).splitlines())
        await process.wait()

    async def _order(self, order: dict[str, Any], awaited: str) -> None:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            while line := await process.stdout.readline():
                if awaited in self._note([line]):
                    return
        pytest.fail("the bunker ended; see its standard error")

    def _note(self, lines: Sequence[bytes]) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for line in lines:
            said = json.loads(line)
            if "granted" in said:
                self.granted.append(said["granted"])
                self.token = ""
            if "asked" in said:
                self.asked.append(said["asked"])
        return said


@asynccontextmanager
async def ndk_bunker(*relays: str, signer: KeySigner | None = None) -> AsyncIterator[NdkBunker]:
    """Run a bunker with this key, else a new one, at these relays until the block ends."""
    bunker = NdkBunker(relays, signer or KeySigner.generate())
    try:
        await bunker.start()
        yield bunker
    finally:
        await bunker.kill()
