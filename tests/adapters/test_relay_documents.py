from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.relay_documents import (
    DOCUMENT_TIMEOUT_S,
    FIRST_WAIT_S,
    MAX_AGE_S,
    MAX_DOCUMENT_BYTES,
    read_document,
)
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.core.relay_limits import UNSAID, RelayLimits
from agentvoice.errors import ConnectFailed, RemoteProtocolError
from tests.fakes.clock import ManualClock
from tests.fakes.nostr_relays import local_relay

DOCUMENT = {"name": "one", "limitation": {"max_message_length": 1_000, "created_at_upper_limit": 900}}
LIMITS = RelayLimits(max_message_bytes=1_000, created_at_upper_limit_s=900)


class Documented:
    """A relay that answers http beside its websocket."""

    def __init__(self) -> None:
        self.address = ""
        self.body = json.dumps(DOCUMENT).encode()
        self.status = HTTPStatus.OK
        self.location = ""
        self.requests: list[str] = []
        self.sockets: list[ServerConnection] = []
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def answer(self, socket: ServerConnection, request: Request) -> Response | None:
        if "Upgrade" in request.headers:
            return None
        self.requests.append(request.headers.get("Accept", ""))
        self.asked.set()
        await self.may_answer.wait()
        headers = Headers({"Content-Length": str(len(self.body)), "Connection": "close"})
        if self.location:
            headers["Location"] = self.location
        return Response(self.status.value, self.status.phrase, headers, self.body)

    async def serve(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        await socket.wait_closed()


@asynccontextmanager
async def documented_relay() -> AsyncIterator[Documented]:
    relay = Documented()
    async with serve(relay.serve, "127.0.0.1", 0, process_request=relay.answer) as server:
        relay.address = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield relay


@pytest.fixture
async def relay():
    async with documented_relay() as running:
        yield running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def relays(clock: ManualClock):
    async def no_signer(pubkey: str) -> None:
        return None

    opened = WebsocketRelays(RelaySettings(idle_close_s=1e6), clock, no_signer)
    yield opened
    await opened.close()


async def test_limits_are_read_once(relays: WebsocketRelays, relay: Documented):
    """Asked a hundred times, on two connections, the relay is asked once, with NIP-11's type."""
    for number in range(100):
        if number == 50:
            await relay.sockets[0].close()
        assert await relays.limits(relay.address) == LIMITS
    assert relay.requests == ["application/nostr+json"]
    assert len(relay.sockets) == 2


async def test_limits_grow_old(relays: WebsocketRelays, relay: Documented, clock: ManualClock):
    """After the age limit they are read anew, aside: meanwhile the old ones hold."""
    assert await relays.limits(relay.address) == LIMITS
    relay.body = b"{}"
    await clock.advance(MAX_AGE_S - 1)
    assert await relays.limits(relay.address) == LIMITS
    assert len(relay.requests) == 1
    await clock.advance(1)
    relay.may_answer.clear()
    for _ in range(3):
        assert await relays.limits(relay.address) == LIMITS
    relay.may_answer.set()
    while await relays.limits(relay.address) == LIMITS:
        await clock.settle()
    assert len(relay.requests) == 2


async def test_a_slow_document_is_waited_for_once(
    relays: WebsocketRelays, relay: Documented, clock: ManualClock
):
    """The first to ask waits for a second, all others not at all; what comes late counts from then on."""
    relay.may_answer.clear()
    first = asyncio.create_task(relays.limits(relay.address))
    await relay.asked.wait()
    await clock.advance(FIRST_WAIT_S - 0.1)
    assert not first.done()
    await clock.advance(0.1)
    assert await first == UNSAID
    assert await relays.limits(relay.address) == UNSAID
    relay.may_answer.set()
    while await relays.limits(relay.address) == UNSAID:
        await clock.settle()
    assert (await relays.limits(relay.address), len(relay.requests)) == (LIMITS, 1)


async def test_a_document_that_never_comes(relays: WebsocketRelays, relay: Documented, clock: ManualClock):
    """After its time the relay counts as one without, and is asked again within the hour."""
    relay.may_answer.clear()
    first = asyncio.create_task(relays.limits(relay.address))
    await relay.asked.wait()
    await clock.advance(DOCUMENT_TIMEOUT_S)
    assert await first == UNSAID
    relay.may_answer.set()
    await clock.advance(MAX_AGE_S)
    while await relays.limits(relay.address) == UNSAID:
        await clock.settle()
    assert len(relay.requests) == 2


async def test_closing_ends_the_reading(relays: WebsocketRelays, relay: Documented):
    """Who waits for a document when everything closes goes on without, and no task is left."""
    relay.may_answer.clear()
    waiting = asyncio.create_task(relays.limits(relay.address))
    await relay.asked.wait()
    await relays.close()
    assert await waiting == UNSAID
    assert "relay document" not in {task.get_name() for task in asyncio.all_tasks()}


@pytest.mark.parametrize("body", [b"<html>", b"\xff\xfe", b"[]", b" " * (MAX_DOCUMENT_BYTES + 1)])
async def test_a_broken_document_limits_nothing(relays: WebsocketRelays, relay: Documented, body: bytes):
    """A web page, no text, no object, no end: all are unsaid, and asked for once."""
    relay.body = body
    for _ in range(3):
        assert await relays.limits(relay.address) == UNSAID
    assert len(relay.requests) == 1
    with pytest.raises(RemoteProtocolError, match=f"^{relay.address}: relay document: got "):
        await read_document(relay.address, SystemClock())


async def test_a_redirect_is_not_followed(relays: WebsocketRelays, relay: Documented):
    """Nobody is asked but the relay that was named."""
    async with documented_relay() as elsewhere:
        relay.status, relay.location = HTTPStatus.FOUND, elsewhere.address.replace("ws", "http", 1)
        assert await relays.limits(relay.address) == UNSAID
        assert elsewhere.requests == []


async def test_a_relay_that_cannot_be_reached_limits_nothing(relays: WebsocketRelays):
    """No error, and no request either: who does not answer the socket is not asked."""
    assert await relays.limits("ws://127.0.0.1:1") == UNSAID


async def test_a_relay_without_document(relays: WebsocketRelays):
    """rust-nostr's relay has none: that costs one refused request, and limits nothing."""
    async with local_relay() as address:
        assert await relays.limits(address) == UNSAID
        with pytest.raises(ConnectFailed, match="no relay document"):
            await read_document(address, SystemClock())
