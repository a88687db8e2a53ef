from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.relay_dialing import LOOKUP_THREADS, Dialer
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.errors import ConnectFailed, TimedOut
from tests.fakes.clock import ManualClock
from tests.fakes.relay_server import relay_server
from tests.fakes.signed_notes import note

SHORT = RelaySettings(connect_timeout_s=2, ok_timeout_s=2)


async def no_signer(pubkey: str) -> None:
    return None


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def relays(clock: ManualClock):
    opened = WebsocketRelays(SHORT, clock, no_signer)
    yield opened
    await opened.close()


class Door:
    """A port that hangs up on everybody, and counts them."""

    def __init__(self) -> None:
        self.address = ""
        self.knocks = 0

    async def knock(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks += 1
        writer.close()


@pytest.fixture
async def door():
    shut = Door()
    server = await asyncio.start_server(shut.knock, "127.0.0.1", 0)
    shut.address = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield shut
    server.close()
    await server.wait_closed()


async def test_a_dead_relay_is_not_dialled_for_every_event(relays: WebsocketRelays, door: Door):
    """Sixty-four deliveries cost one dial; the others say until when it rests, and why."""
    event = await note()
    sending = [relays.publish(door.address, event) for _ in range(64)]
    outcomes = await asyncio.gather(*sending, return_exceptions=True)
    assert all(isinstance(outcome, ConnectFailed) for outcome in outcomes)
    assert door.knocks == 1
    with pytest.raises(ConnectFailed, match=r"no connection: .+ \(not dialled again for [01]\.\d s\)"):
        await relays.fetch(door.address, [{}])


async def test_the_rests_grow(relays: WebsocketRelays, clock: ManualClock, door: Door):
    """After n failures the next dial is let through within 2^n seconds, never much before."""
    event = await note()
    for failures in range(1, 7):
        with pytest.raises(ConnectFailed):
            await relays.publish(door.address, event)
        assert door.knocks == failures
        wait_s = 2.0 ** (failures - 1)
        await clock.advance(wait_s * 0.75)
        with pytest.raises(ConnectFailed, match="not dialled again"):
            await relays.publish(door.address, event)
        await clock.advance(wait_s * 0.5)


async def test_five_seconds_after_the_first_failure_it_may_be_dialled(
    relays: WebsocketRelays, clock: ManualClock, door: Door
):
    """The first retry of a delivery is not delayed a second time."""
    with pytest.raises(ConnectFailed):
        await relays.publish(door.address, await note())
    await clock.advance(4.0)  # 5 s less a fifth of jitter
    with pytest.raises(ConnectFailed):
        await relays.publish(door.address, await note())
    assert door.knocks == 2


async def test_a_relay_that_is_back_is_told_once(relays: WebsocketRelays, clock: ManualClock):
    """probe: False while down, without dialling too often; True once when it is back."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    address = f"ws://127.0.0.1:{port}"
    assert not await relays.probe(address)
    assert not await relays.probe(address)
    await clock.advance(300)
    async with relay_server(port=port) as server:
        assert await relays.probe(address)
        assert not await relays.probe(address)
        assert (await relays.publish(address, await note())).accepted
        assert server.connections == 1


async def test_a_success_ends_the_rests(relays: WebsocketRelays, clock: ManualClock):
    """After a relay was reached its next failure counts as the first."""
    event = await note()
    async with relay_server() as server:
        assert (await relays.publish(server.address, event)).accepted
        assert not await relays.probe(server.address)
    await clock.settle()
    with pytest.raises(ConnectFailed):
        await relays.publish(server.address, event)
    await clock.advance(1.3)
    with pytest.raises(ConnectFailed, match=r"no connection: (?!.*not dialled)"):
        await relays.publish(server.address, event)


async def test_names_are_looked_up_aside(monkeypatch: pytest.MonkeyPatch):
    """A name server that hangs takes none of the threads that the rest of the process works in."""
    answer = threading.Event()
    looked_up_in: list[str] = []

    def hang(*_: object, **__: object) -> list[object]:
        looked_up_in.append(threading.current_thread().name)
        answer.wait()
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    dialer = Dialer(RelaySettings(connect_timeout_s=0.1), SystemClock())
    dials = [dialer.dial(f"ws://r{number}.invalid") for number in range(3 * LOOKUP_THREADS)]
    outcomes = await asyncio.gather(*dials, return_exceptions=True)
    assert all(isinstance(outcome, TimedOut) for outcome in outcomes)
    assert await asyncio.to_thread(lambda: "free") == "free"
    assert len(looked_up_in) == LOOKUP_THREADS
    assert all(name.startswith("relay-lookup") for name in looked_up_in)
    answer.set()
    dialer.close()


async def test_a_name_that_is_none():
    """The look-up's failure is ConnectFailed and names the relay."""
    dialer = Dialer(SHORT, SystemClock())
    with pytest.raises(ConnectFailed, match=r"^ws://nowhere\.invalid: no connection: "):
        await dialer.dial("ws://nowhere.invalid")
    dialer.close()


async def test_each_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch):
    """A host whose first address refuses is reached at the next."""
    async with relay_server() as server:
        port = int(server.address.rpartition(":")[2])
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        dialer = Dialer(SHORT, SystemClock())
        opened = await dialer.dial(f"ws://relay.test:{port}")
        await opened.close()
        assert server.connections == 1
        dialer.close()
