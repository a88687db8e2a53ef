"""A bunker of our own over real relays, for what no honest one does: silence, lies, repeats."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.signer import KeySigner
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.secret import Secret
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.protocols.nostr.nip19 import decode_secret
from agentvoice.protocols.nostr.nip46 import KIND, BunkerAddress, BunkerLink

Answer = Callable[["Asked"], Awaitable[None]]


@dataclass
class Asked:
    """A request as the bunker got it."""

    bunker: ScriptedBunker
    client: str
    id: str
    method: str
    params: list[str]

    async def answer(self, result: object = "", error: object = None) -> None:
        """Answer it; may be done more than once."""
        await self.bunker.say(
            self.client, json.dumps({"id": self.id, "result": result, "error": error or None})
        )

    async def sign(self, **changes: Any) -> SignedEvent:
        """Sign the event that was given, with these fields of it changed."""
        fields = json.loads(self.params[0])
        tags = tuple(tuple(tag) for tag in fields["tags"])
        event = UnsignedEvent(fields["pubkey"], fields["created_at"], fields["kind"], tags, fields["content"])
        return await self.bunker.signer.sign(replace(event, **changes))


async def obey(asked: Asked) -> None:
    """Do what was asked, as an honest bunker does."""
    signer = asked.bunker.signer
    match asked.method:
        case "sign_event":
            await asked.answer(encode_event(await asked.sign()))
        case "nip44_encrypt":
            await asked.answer(await signer.encrypt(*asked.params))
        case "nip44_decrypt":
            await asked.answer(await signer.decrypt(*asked.params))
        case "get_public_key":
            await asked.answer(signer.pubkey)
        case "connect" | "ping":
            await asked.answer({"connect": "ack", "ping": "pong"}[asked.method])
        case _:
            await asked.answer("", "unknown method")


async def keep_silent(asked: Asked) -> None:
    """Answer nothing."""


@dataclass
class ScriptedBunker:
    """`answer` is how it answers; `asked` what it was asked, with `news` set at each."""

    relays: tuple[str, ...]
    answer: Answer = obey
    signer: KeySigner = field(default_factory=KeySigner.generate)
    asked: list[Asked] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _connections: WebsocketRelays | None = None

    @property
    def address(self) -> BunkerAddress:
        """Where it is."""
        return BunkerAddress(self.signer.pubkey, self.relays)

    def new_link(self) -> BunkerLink:
        """A connection that it grants to a new client."""
        return BunkerLink(self.address, Secret(decode_secret("", KeySigner.generate().reveal())))

    async def until_asked(self, count: int) -> None:
        """Return when it was asked so often."""
        async with asyncio.timeout(20):
            while len(self.asked) < count:
                self.news.clear()
                await self.news.wait()

    async def say(self, client: str, text: str) -> None:
        """Send a client a text, encrypted."""
        payload = await self.signer.encrypt(client, text)
        now_s = SystemClock().utc_ms() // 1_000
        event = UnsignedEvent(self.signer.pubkey, now_s, KIND, (("p", client),), payload)
        assert self._connections is not None
        signed = await self.signer.sign(event)
        for relay in self.relays:
            await self._connections.publish(relay, signed)

    async def serve(self, relay: str, is_listening: asyncio.Event) -> None:
        """Answer what comes over one relay."""
        assert self._connections is not None
        async with self._connections.listen(relay, [{"kinds": [KIND], "#p": [self.signer.pubkey]}]) as events:
            await self._connections.fetch(relay, [{"kinds": [1], "limit": 1}])  # answered after our request
            is_listening.set()
            async for event in events:
                request = json.loads(await self.signer.decrypt(event.pubkey, event.content))
                asked = Asked(self, event.pubkey, request["id"], request["method"], request["params"])
                self.asked.append(asked)
                self.news.set()
                await self.answer(asked)


@asynccontextmanager
async def scripted_bunker(
    *relays: str, answer: Answer = obey, signer: KeySigner | None = None
) -> AsyncIterator[ScriptedBunker]:
    """Run a bunker with this key, else a new one, at these relays until the block ends."""
    bunker = ScriptedBunker(relays, answer, signer or KeySigner.generate())

    async def find_signer(pubkey: str) -> KeySigner | None:
        return bunker.signer if pubkey == bunker.signer.pubkey else None

    bunker._connections = WebsocketRelays(RelaySettings(), SystemClock(), find_signer)
    listening = [asyncio.Event() for _ in relays]
    serving = [asyncio.create_task(bunker.serve(*each)) for each in zip(relays, listening, strict=True)]
    try:
        await asyncio.gather(*(event.wait() for event in listening))
        yield bunker
    finally:
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await bunker._connections.close()
