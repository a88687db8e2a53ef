from __future__ import annotations

import asyncio

import pytest

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.relay_connection import RelayConnection
from agentvoice.adapters.relay_subscriptions import MAX_UNREAD_EVENTS, Fetch, Listener, Subscriptions
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.errors import ConnectFailed, ConnectionLost, RelayRejected, TimedOut
from agentvoice.protocols.nostr import nip01
from agentvoice.protocols.nostr.nip01 import encode_event
from tests.fakes.clock import ManualClock
from tests.fakes.nostr_relays import local_relay
from tests.fakes.relay_server import relay_server
from tests.fakes.signed_notes import note

SHORT = RelaySettings(connect_timeout_s=2, ok_timeout_s=2, fetch_timeout_s=2)


@pytest.fixture
async def relays():
    async def no_signer(pubkey: str) -> None:
        return None

    opened = WebsocketRelays(SHORT, SystemClock(), no_signer)
    yield opened
    await opened.close()


async def test_listening_gives_what_is_stored_and_what_comes(relays: WebsocketRelays):
    """A real relay's stored event comes first, then each that is published meanwhile."""
    stored, new = await note("stored"), await note("new")
    async with local_relay() as address:
        await relays.publish(address, stored)
        async with relays.listen(address, [{"kinds": [1]}]) as events:
            assert await anext(events) == stored
            await relays.publish(address, new)
            assert await anext(events) == new
        assert len(await relays.fetch(address, [{"kinds": [1]}])) == 2


async def test_the_request_is_before_what_is_published_inside(relays: WebsocketRelays):
    """REQ, then EVENT, then CLOSE at the end of the block: no answer can be missed."""
    async with relay_server() as server:
        async with relays.listen(server.address, [{"kinds": [24133]}]):
            await relays.publish(server.address, await note())
        await relays.publish(server.address, await note())
        names = [frame[0] for frame in server.frames]
        assert names == ["REQ", "EVENT", "CLOSE", "EVENT"]
        assert server.frames[0][1] == server.frames[2][1]
        assert server.frames[0][2] == {"kinds": [24133]}


async def test_a_listener_that_is_cancelled_closes_its_request(relays: WebsocketRelays):
    """A shared connection is not left with a subscription that nobody reads."""
    async with relay_server() as server:
        entered = asyncio.Event()

        async def listen() -> None:
            async with relays.listen(server.address, [{}]) as events:
                entered.set()
                await anext(events)

        listening = asyncio.ensure_future(listen())
        await entered.wait()
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        await relays.publish(server.address, await note())
        assert [frame[0] for frame in server.frames] == ["REQ", "CLOSE", "EVENT"]


async def test_a_broken_connection_ends_the_listening(relays: WebsocketRelays):
    """What came before the break is given, then ConnectionLost, then again."""
    event = await note()

    async def once(socket, frame):
        await socket.send(f'["EVENT","{frame[1]}",{encode_event(event)}]')
        await socket.close(1011, "oops")

    async with relay_server() as server:
        server.on_request = once
        async with relays.listen(server.address, [{}]) as events:
            assert await anext(events) == event
            for _ in range(2):
                with pytest.raises(ConnectionLost, match="oops"):
                    await anext(events)


async def test_a_refused_request_ends_the_listening(relays: WebsocketRelays):
    """CLOSED becomes RelayRejected with the relay's words."""

    async def refuse(socket, frame):
        await socket.send(f'["CLOSED","{frame[1]}","auth-required: who?"]')

    async with relay_server() as server:
        server.on_request = refuse
        async with relays.listen(server.address, [{}]) as events:
            with pytest.raises(RelayRejected, match="auth-required: who"):
                await anext(events)


async def test_nobody_to_listen_to(relays: WebsocketRelays):
    """Entering is refused where nobody answers, and on a connection that was closed."""
    async with relay_server() as server:
        connection = await RelayConnection.open(server.address, SHORT, SystemClock())
        await connection.close()
        with pytest.raises(ConnectionLost):
            async with connection.listen([{}]):
                pass
    with pytest.raises(ConnectFailed):
        async with relays.listen(server.address, [{}]):
            pass


async def test_a_listened_connection_is_kept():
    """While somebody listens the connection is not idle, however long nothing comes."""
    clock = ManualClock()
    async with relay_server() as server:
        connection = await RelayConnection.open(server.address, RelaySettings(idle_close_s=60), clock)
        async with connection.listen([{}]):
            await clock.advance(600)
            assert connection.is_open
        await clock.advance(62)
        assert not connection.is_open
        await connection.close()


async def test_unread_events_are_bounded():
    """The oldest gives way; how many did is known."""
    listener = Listener("ws://r")
    events = [await note(str(number)) for number in range(3)]
    for _ in range(MAX_UNREAD_EVENTS - 1):
        listener.take(events[0], 1)
    for event in events:
        listener.take(event, 1)
    listener.take_end_of_stored()
    read = [await anext(listener) for _ in range(MAX_UNREAD_EVENTS)]
    assert (read[0], read[-2:]) == (events[0], [events[1], events[2]])
    listener.fail(ConnectionLost("gone"))
    listener.fail(TimedOut("later"))
    assert listener.dropped == 2
    with pytest.raises(ConnectionLost, match="gone"):
        [event async for event in listener]


async def test_the_first_end_of_a_fetch_counts():
    """EOSE and then an error, or a second EOSE, change nothing any more."""
    subscriptions = Subscriptions("ws://r")
    fetch = Fetch("ws://r")
    name = subscriptions.add(fetch)
    subscriptions.take(nip01.EndOfStoredEvents("somebody else's"), 1)
    assert not fetch.done.done()
    subscriptions.take(nip01.EndOfStoredEvents(name), 1)
    subscriptions.take(nip01.EndOfStoredEvents(name), 1)
    subscriptions.fail(ConnectionLost("gone"))
    assert fetch.done.result() is None
    subscriptions.remove(name)
    assert len(subscriptions) == 0
