"""A relay that means harm, or is broken: it sends us elsewhere, shouts, or never ends."""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.server import serve

from agentvoice.adapters import relay_subscriptions, relay_words
from agentvoice.adapters.relay_connection import RelayConnection
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.core.ports import RelayAnswer
from agentvoice.errors import ConnectFailed, RemoteProtocolError
from agentvoice.protocols.nostr.nip01 import encode_event
from tests.fakes.relay_server import RelayServer, relay_server
from tests.fakes.signed_notes import note

SHORT = RelaySettings(connect_timeout_s=2, ok_timeout_s=2, fetch_timeout_s=2)


@pytest.fixture
async def server():
    async with relay_server() as running:
        yield running


@pytest.fixture
async def connection(server: RelayServer):
    opened = await RelayConnection.open(server.address, SHORT, SystemClock())
    yield opened
    await opened.close()


async def test_a_redirect_is_not_followed(server: RelayServer):
    """An event goes to the relay that was named; one that sends us elsewhere cannot be connected to."""

    def elsewhere(socket, request):
        response = socket.respond(302, "")
        response.headers["Location"] = server.address
        return response

    async with serve(never_called, "127.0.0.1", 0, process_request=elsewhere) as named:
        port = next(iter(named.sockets)).getsockname()[1]
        with pytest.raises(ConnectFailed, match="302"):
            await RelayConnection.open(f"ws://127.0.0.1:{port}", SHORT, SystemClock())
    assert server.connections == 0


async def never_called(socket) -> None:
    """Every request is answered before there is a socket."""


async def test_what_a_relay_says_is_one_short_line(server: RelayServer, connection: RelayConnection):
    """A reason with terminal commands, line ends and a million letters fits a log and a terminal."""

    async def shout(socket, event):
        await socket.send(
            json.dumps(["OK", event["id"], False, "blocked: \x1b[2Jno\r\nroot: " + "x" * 900_000])
        )

    server.on_event = shout
    answer = await connection.publish(await note())
    assert isinstance(answer, RelayAnswer)
    assert answer.message.startswith("blocked: [2Jno root: xxx")
    assert len(answer.message) == relay_words.MAX_WORDS_CHARS


async def test_a_relay_that_sends_ever_larger_events(
    server: RelayServer, connection: RelayConnection, monkeypatch: pytest.MonkeyPatch
):
    """What is kept of an answer is bounded in bytes too, not only in events."""
    monkeypatch.setattr(relay_subscriptions, "MAX_FETCHED_BYTES", 10_000)
    event = encode_event(await note("x" * 4_000))

    async def large(socket, frame):
        for _ in range(4):
            await socket.send(f'["EVENT","{frame[1]}",{event}]')

    server.on_request = large
    with pytest.raises(RemoteProtocolError, match="sent more than 10000 bytes"):
        await connection.fetch([{"kinds": [1]}])
    assert not connection.is_open
