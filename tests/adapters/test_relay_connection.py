from __future__ import annotations

import asyncio
import json

import pytest

from agentvoice.adapters import relay_dialing, relay_subscriptions
from agentvoice.adapters.relay_connection import RelayConnection
from agentvoice.adapters.signer import KeySigner
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.core.ports import RelayAnswer
from agentvoice.errors import ConnectFailed, ConnectionLost, RemoteProtocolError, TimedOut
from agentvoice.protocols.nostr.nip01 import encode_event
from tests.fakes.clock import ManualClock
from tests.fakes.relay_server import RelayServer, accept, relay_server
from tests.fakes.signed_notes import note

SHORT = RelaySettings(connect_timeout_s=2, ok_timeout_s=0.2, auth_timeout_s=0.2, fetch_timeout_s=0.3)
TAKEN = RelayAnswer(True, "")


@pytest.fixture
async def server():
    async with relay_server() as running:
        yield running


@pytest.fixture
async def connection(server: RelayServer):
    opened = await RelayConnection.open(server.address, SHORT, SystemClock())
    yield opened
    await opened.close()


async def never(socket, event) -> None:
    """Answer nothing."""


async def test_an_ok_that_never_comes(server: RelayServer, connection: RelayConnection):
    """After the limit it is TimedOut, and the connection is spent: a late OK must find nobody."""
    server.on_event = never
    with pytest.raises(TimedOut, match=r"no answer to an event within 0\.2 s"):
        await connection.publish(await note())
    assert not connection.is_open
    with pytest.raises(ConnectionLost):
        await connection.publish(await note())


async def test_an_ok_with_an_empty_id(server: RelayServer, connection: RelayConnection):
    """It belongs to the one event in flight."""

    async def empty(socket, event):
        await socket.send('["OK","",false,"invalid: bad signature"]')

    server.on_event = empty
    answer = await connection.publish(await note())
    assert answer == RelayAnswer(False, "invalid: bad signature")


async def test_an_ok_for_another_event_is_not_ours(server: RelayServer, connection: RelayConnection):
    """Only the OK of this id, or of none, ends the wait."""

    async def confused(socket, event):
        await socket.send(json.dumps(["OK", "f" * 64, False, "blocked: another's"]))
        await accept(socket, event)

    server.on_event = confused
    assert await connection.publish(await note()) == TAKEN


async def test_a_notice_and_then_an_ok(server: RelayServer, connection: RelayConnection):
    """A NOTICE before the OK is chatter; the OK is the answer."""

    async def chatty(socket, event):
        await socket.send('["NOTICE","welcome"]')
        await accept(socket, event)

    server.on_event = chatty
    assert await connection.publish(await note()) == RelayAnswer(True, "")


async def test_a_notice_instead_of_an_ok(server: RelayServer, connection: RelayConnection):
    """When no OK follows, the NOTICE is the answer."""

    async def grumpy(socket, event):
        await socket.send('["NOTICE","event too large"]')

    server.on_event = grumpy
    assert await connection.publish(await note()) == RelayAnswer(False, "notice: event too large")


async def test_closed_in_mid_flight(server: RelayServer, connection: RelayConnection):
    """What waits for an answer is told at once, not after the limit."""

    async def hang_up(socket, event):
        await socket.close(1011, "oops")

    server.on_event = hang_up
    with pytest.raises(ConnectionLost, match="oops"):
        await connection.publish(await note())


async def test_closed_as_too_big(server: RelayServer, connection: RelayConnection):
    """Close code 1009 is an answer: this relay will never take this event."""

    async def too_big(socket, event):
        await socket.close(1009, "")

    server.on_event = too_big
    answer = await connection.publish(await note())
    assert answer == RelayAnswer(False, "too-large: the relay closed the connection")


async def test_garbage_is_passed_over(server: RelayServer, connection: RelayConnection):
    """Broken JSON, wrong shapes, binary and unknown frames do not disturb the answer."""

    async def garbage(socket, event):
        for frame in (
            "nonsense",
            "[]",
            '["OK"]',
            '["OK",1,2,3]',
            b"\x00\xff",
            '["NEW-THING",1]',
            "[" * 50_000,
        ):
            await socket.send(frame)
        await accept(socket, event)

    server.on_event = garbage
    assert await connection.publish(await note()) == TAKEN


async def test_an_endless_frame_is_cut_off(server: RelayServer, connection: RelayConnection):
    """A frame beyond the limit ends the connection instead of filling the memory; it is no refusal."""

    async def flood(socket, event):
        await socket.send("x" * (relay_dialing.MAX_FRAME_BYTES + 1))

    server.on_event = flood
    with pytest.raises(ConnectionLost):
        await connection.publish(await note())


async def test_auth_with_the_newest_challenge(server: RelayServer):
    """The challenge is answered by an event of kind 22242 for this relay, signed by the signer."""

    async def challenge(socket):
        await socket.send('["AUTH","old"]')
        await socket.send('["AUTH","new"]')

    answered = asyncio.Event()

    async def take(socket, event):
        answered.set()
        await accept(socket, event)

    server.on_connect, server.on_auth = challenge, take
    connection = await RelayConnection.open(server.address, SHORT, SystemClock())
    signer = KeySigner.generate()
    assert await connection.publish(await note()) == TAKEN  # by now both challenges have come
    await connection.authenticate(signer)
    assert answered.is_set()
    (auth,) = (frame[1] for frame in server.frames if frame[0] == "AUTH")
    assert (auth["kind"], auth["pubkey"]) == (22_242, signer.pubkey)
    assert auth["tags"] == [["relay", server.address], ["challenge", "new"]]
    await connection.close()


async def test_auth_is_never_waited_for_for_ever(server: RelayServer, connection: RelayConnection):
    """Neither a challenge that does not come nor an OK to AUTH that does not come blocks us."""
    await connection.authenticate(KeySigner.generate())
    assert not [frame for frame in server.frames if frame[0] == "AUTH"]

    async def challenge(socket, event):
        await socket.send('["AUTH","c"]')
        await accept(socket, event)

    server.on_event = challenge
    await connection.publish(await note())
    await connection.authenticate(KeySigner.generate())
    assert await connection.publish(await note()) == TAKEN


async def test_fetching_ends_with_eose(server: RelayServer, connection: RelayConnection):
    """Events of this subscription until EOSE are returned, and the subscription is closed."""
    event = await note()

    async def stored(socket, frame):
        await socket.send(f'["EVENT","{frame[1]}",{encode_event(event)}]')
        await socket.send(f'["EVENT","another",{encode_event(event)}]')
        await socket.send(f'["EVENT","{frame[1]}",{{"id":"broken"}}]')
        await socket.send(f'["EOSE","{frame[1]}"]')

    server.on_request = stored
    assert await connection.fetch([{"kinds": [1]}]) == (event,)
    await connection.publish(event)  # answered after CLOSE has arrived
    assert [frame[0] for frame in server.frames] == ["REQ", "CLOSE", "EVENT"]
    assert server.frames[0][2] == {"kinds": [1]}


async def test_an_eose_that_never_comes(server: RelayServer, connection: RelayConnection):
    """Reading too has its limit."""
    with pytest.raises(TimedOut, match=r"stored events not sent within 0\.3 s"):
        await connection.fetch([{}])


async def test_a_relay_that_never_stops_sending(server: RelayServer, connection: RelayConnection):
    """More events than anybody asked for end the connection."""
    event = encode_event(await note())

    async def endless(socket, frame):
        for _ in range(relay_subscriptions.MAX_FETCHED_EVENTS + 2):
            await socket.send(f'["EVENT","{frame[1]}",{event}]')

    server.on_request = endless
    opened = await RelayConnection.open(server.address, RelaySettings(fetch_timeout_s=60), SystemClock())
    with pytest.raises(RemoteProtocolError, match="sent more than 5000 events"):
        await opened.fetch([{}])
    assert not opened.is_open


async def test_a_server_that_is_no_relay():
    """A peer that does not speak websocket, or an address that is none, is ConnectFailed."""

    async def no_websocket(reader, writer):
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(no_websocket, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for address in (
        f"ws://127.0.0.1:{port}",
        "ws://",
        "http://127.0.0.1:1",
        "ws://[::1",
        "ws://127.0.0.1:99999",
    ):
        with pytest.raises(ConnectFailed, match="no connection"):
            await RelayConnection.open(address, SHORT, SystemClock())
    server.close()
    await server.wait_closed()


async def test_a_peer_that_accepts_and_says_nothing():
    """The handshake too has its limit."""
    closed = asyncio.Event()

    async def silent(reader, writer):
        await reader.read()
        writer.close()
        closed.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(TimedOut, match=r"no connection within 0\.1 s"):
        await RelayConnection.open(
            f"ws://127.0.0.1:{port}", RelaySettings(connect_timeout_s=0.1), SystemClock()
        )
    await closed.wait()
    server.close()
    await server.wait_closed()


async def test_an_unused_connection_is_closed(server: RelayServer):
    """After the idle limit the connection is given up; before it, it stays."""
    clock = ManualClock()
    connection = await RelayConnection.open(server.address, RelaySettings(idle_close_s=60), clock)
    await clock.advance(59)
    assert connection.is_open
    await clock.advance(2)
    assert not connection.is_open
    await connection.close()


async def test_closing_tells_those_who_wait(server: RelayServer, connection: RelayConnection):
    """A publish in flight ends with ConnectionLost when we close."""
    reached = asyncio.Event()

    async def hold(socket, event):
        reached.set()

    server.on_event = hold
    publishing = asyncio.ensure_future(connection.publish(await note()))
    await reached.wait()
    await connection.close()
    with pytest.raises(ConnectionLost):
        await publishing
