"""Who speaks on which connection: protected events (NIP-70) and gift wraps (NIP-59) have their own."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
from nostr_sdk import LocalRelayBuilderNip42, LocalRelayBuilderNip42Mode, RateLimit
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from agentvoice.adapters.relay import OWN_LANES, WebsocketRelays
from agentvoice.adapters.signer import KeySigner
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent, Tags, UnsignedEvent
from agentvoice.core.ports import RelayAnswer
from agentvoice.errors import ConnectFailed
from agentvoice.protocols.nostr.nip59 import KIND_GIFT_WRAP, build_wrap
from tests.fakes.clock import ManualClock
from tests.fakes.held_signers import relays_of
from tests.fakes.nostr_relays import local_relay, npm_relay
from tests.fakes.relay_server import RelayServer, accept, relay_server

SETTINGS = RelaySettings(connect_timeout_s=2, ok_timeout_s=5, auth_timeout_s=1)
NO_LIMIT = RateLimit(max_reqs=1_000, notes_per_minute=100_000)
WRITERS_ONLY = LocalRelayBuilderNip42(mode=LocalRelayBuilderNip42Mode.WRITE)
PROTECTED: Tags = (("-",),)
OK = RelayAnswer(True, "")
READER = "f" * 64


class OneSpeaker:
    """A relay where a connection speaks for the first who answers AUTH on it, and for nobody else."""

    def __init__(self, server: RelayServer) -> None:
        self.server = server
        self.speakers: dict[Any, str] = {}
        self.kinds: dict[Any, set[int]] = {}
        server.on_connect, server.on_auth, server.on_event = self.challenge, self.know, self.take

    async def challenge(self, socket: Any) -> None:
        await socket.send(json.dumps(["AUTH", "who are you"]))

    async def know(self, socket: Any, event: dict[str, Any]) -> None:
        self.speakers.setdefault(socket, event["pubkey"])
        await accept(socket, event)

    async def take(self, socket: Any, event: dict[str, Any]) -> None:
        self.kinds.setdefault(socket, set()).add(event["kind"])
        speaker = self.speakers.get(socket)
        if event["kind"] == KIND_GIFT_WRAP and speaker is not None:
            await accept(socket, event)
        elif speaker is None:
            await socket.send(json.dumps(["OK", event["id"], False, "auth-required: who are you?"]))
        elif speaker != event["pubkey"]:
            await socket.send(json.dumps(["OK", event["id"], False, "blocked: not yours"]))
        else:
            await accept(socket, event)


@pytest.fixture
async def relay():
    async with relay_server() as server:
        yield OneSpeaker(server)


@pytest.fixture
def signers() -> list[KeySigner]:
    return [KeySigner.generate() for _ in range(3)]


@pytest.fixture
async def relays(signers: list[KeySigner]):
    async with relays_of(signers, SETTINGS) as opened:
        yield opened


async def notes(signers: list[KeySigner], count: int, tags: Tags = PROTECTED) -> list[SignedEvent]:
    return [
        await signer.sign(UnsignedEvent(signer.pubkey, 1_700_000_000, 1, tags, f"note {number}"))
        for number in range(count)
        for signer in signers
    ]


async def wrap() -> SignedEvent:
    once = KeySigner.generate()
    return await once.sign(build_wrap(once.pubkey, READER, "sealed", 1_700_000_000))


async def publish_all(relays: WebsocketRelays, address: str, events: list[SignedEvent]) -> list[RelayAnswer]:
    return await asyncio.gather(*(relays.publish(address, event) for event in events))


async def test_each_author_of_protected_events_has_a_connection(
    relays: WebsocketRelays, relay: OneSpeaker, signers: list[KeySigner]
):
    """Thirty events of three authors, in turns and at once: all are taken, over three connections."""
    answers = await publish_all(relays, relay.server.address, await notes(signers, 10))
    assert (answers, relay.server.connections) == ([OK] * 30, 3)
    assert sorted(relay.speakers.values()) == sorted(signer.pubkey for signer in signers)


async def test_other_events_share_one_connection(
    relays: WebsocketRelays, relay: OneSpeaker, signers: list[KeySigner]
):
    """Without the tag nothing changes: a relay of one speaker takes the first author's events only."""
    events = await notes(signers, 1, tags=())
    answers = [await relays.publish(relay.server.address, event) for event in events]
    assert [answer.accepted for answer in answers] == [True, False, False]
    assert relay.server.connections == 1


@pytest.mark.parametrize("options", [{}, {"nip42": WRITERS_ONLY}])
async def test_a_real_relay_takes_protected_events_of_several_authors(
    relays: WebsocketRelays, signers: list[KeySigner], options: dict[str, Any]
):
    """rust-nostr's relay wants AUTH as the author; it stores all events of all three."""
    async with local_relay(rate_limit=NO_LIMIT, **options) as address:
        assert await publish_all(relays, address, await notes(signers, 10)) == [OK] * 30
        found = await relays.fetch(address, [{"authors": [signer.pubkey for signer in signers]}])
        assert len(found) == 30


async def test_our_own_relay_takes_them_over_its_lanes(signers: list[KeySigner]):
    """Many protected events are spread over several connections of each author."""
    held = {signer.pubkey: signer for signer in signers}

    async def find_signer(pubkey: str) -> KeySigner | None:
        return held.get(pubkey)

    own = WebsocketRelays(SETTINGS, SystemClock(), find_signer, is_own=lambda address: True)
    async with relay_server() as server:
        OneSpeaker(server)
        answers = await publish_all(own, server.address, await notes(signers, 100))
        assert (answers, server.connections) == ([OK] * 300, 3 * OWN_LANES)
        await own.close()


async def test_a_protected_event_without_signer_is_nobodys(relays: WebsocketRelays, relay: OneSpeaker):
    """No AUTH is given for an author whose key is not ours, not even as a key of nobody."""
    (event,) = await notes([KeySigner.generate()], 1)
    answer = await relays.publish(relay.server.address, event)
    assert answer == RelayAnswer(False, "auth-required: who are you?")
    assert relay.speakers == {}


@pytest.mark.parametrize("kind", ["rust", "npm"])
async def test_gift_wraps_are_taken_where_auth_is_needed(relays: WebsocketRelays, kind: str):
    """Relays that take nothing without AUTH take wraps, whose authors' keys exist no more."""
    guarded = local_relay(rate_limit=NO_LIMIT, nip42=WRITERS_ONLY) if kind == "rust" else npm_relay(auth=True)
    events = [await wrap() for _ in range(10)]
    async with guarded as address:
        assert await publish_all(relays, address, events) == [OK] * 10


async def test_wraps_are_never_seen_beside_an_author(
    relays: WebsocketRelays, relay: OneSpeaker, signers: list[KeySigner]
):
    """AUTH for a wrap is given on a connection of its own, as a key that signs nothing else."""
    events = [
        *await notes(signers, 2),
        *await notes(signers[:1], 2, tags=()),
        *[await wrap() for _ in range(5)],
    ]
    assert await publish_all(relays, relay.server.address, events) == [OK] * len(events)
    assert sorted(map(sorted, relay.kinds.values())) == [[1], [1], [1], [1], [KIND_GIFT_WRAP]]
    (stranger,) = [relay.speakers[socket] for socket, kinds in relay.kinds.items() if KIND_GIFT_WRAP in kinds]
    assert stranger not in {signer.pubkey for signer in signers} | {event.pubkey for event in events}


async def test_each_relay_meets_another_stranger(relays: WebsocketRelays, relay: OneSpeaker):
    """Two relays cannot tell by the key that the same process sent them wraps."""
    async with relay_server() as server:
        other = OneSpeaker(server)
        for each in (relay, other, relay):
            assert await relays.publish(each.server.address, await wrap()) == OK
    assert len({*relay.speakers.values(), *other.speakers.values()}) == 2


async def test_a_relay_that_is_never_content_with_a_stranger(relays: WebsocketRelays, relay: OneSpeaker):
    """A whitelisting relay's refusal is the answer for each wrap; it is not asked for ever."""

    async def refuse(socket: Any, event: dict[str, Any]) -> None:
        await socket.send(json.dumps(["OK", event["id"], False, "restricted: members only"]))

    relay.server.on_event = refuse
    answers = await publish_all(relays, relay.server.address, [await wrap() for _ in range(10)])
    assert {answer.message for answer in answers} == {"restricted: members only"}
    assert len([frame for frame in relay.server.frames if frame[0] == "AUTH"]) == 1


async def test_a_stranger_is_told_again_as_an_author_is(relays: WebsocketRelays, relay: OneSpeaker):
    """A relay that forgets who we are after each wrap takes as many as there are, on one connection."""

    async def take_and_forget(socket: Any, event: dict[str, Any]) -> None:
        await relay.take(socket, event)
        if relay.speakers.pop(socket, None):
            await relay.challenge(socket)

    relay.server.on_event = take_and_forget
    answers = [await relays.publish(relay.server.address, await wrap()) for _ in range(5)]
    assert (answers, relay.server.connections) == ([OK] * 5, 1)


async def test_an_outage_counts_once_however_many_authors_dial(signers: list[KeySigner]):
    """Three connections that fail together make the relay rest as one does: it is back after two seconds."""
    held = {signer.pubkey: signer for signer in signers}

    async def find_signer(pubkey: str) -> KeySigner | None:
        return held.get(pubkey)

    clock = ManualClock()
    relays = WebsocketRelays(SETTINGS, clock, find_signer)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    address, events = f"ws://127.0.0.1:{port}", await notes(signers, 1)
    failed = await asyncio.gather(*(relays.publish(address, each) for each in events), return_exceptions=True)
    assert {type(error) for error in failed} == {ConnectFailed}
    async with relay_server(port=port) as server:
        OneSpeaker(server)
        await clock.advance(2)
        assert await publish_all(relays, address, events) == [OK] * 3
    await relays.close()


async def test_a_further_connection_that_is_refused_is_no_outage(signers: list[KeySigner]):
    """A relay that takes one connection of us is not called back when it refuses the second."""

    async def find_signer(pubkey: str) -> KeySigner | None:
        return signers[0]

    server, clock = RelayServer(on_event=accept), ManualClock()
    relays = WebsocketRelays(RelaySettings(idle_close_s=1e6), clock, find_signer)

    def admit_one(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(503, "one is enough") if server.connections else None

    async with serve(server._serve, "127.0.0.1", 0, process_request=admit_one) as listening:
        address = f"ws://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}"
        (plain,), (protected,) = await notes(signers[:1], 1, tags=()), await notes(signers[:1], 1)
        assert await relays.publish(address, plain) == OK
        with pytest.raises(ConnectFailed, match="503"):
            await relays.publish(address, protected)
        await clock.advance(3_600)
        assert not await relays.probe(address)
        assert await relays.publish(address, plain) == OK
        await relays.close()
