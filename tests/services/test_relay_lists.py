from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.core.event import UnsignedEvent
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.services.relay_lists import RelayLists
from tests.fakes.relay_server import RelayServer, relay_server
from tests.services.press import Press

READER = KeySigner.generate()


@pytest.fixture
async def server():
    async with relay_server() as running:
        yield running


@pytest.fixture
async def press(tmp_path: Path, server: RelayServer):
    made = Press(tmp_path, server.address)
    yield made
    await made.close()


def lists_of(press: Press) -> RelayLists:
    return RelayLists(press.database, press.relays, find_forgery, lambda relay: relay, press.clock)


async def listed(*relays: str, created_at: int = 100, kind: int = 10_050, signer: KeySigner = READER):
    tags = tuple(("relay" if kind == 10_050 else "r", relay) for relay in relays)
    return await signer.sign(UnsignedEvent(signer.pubkey, created_at, kind, tags, ""))


def give(server: RelayServer, *events) -> None:
    async def answer(socket, frame):
        for event in events:
            await socket.send(f'["EVENT",{json.dumps(frame[1])},{encode_event(event)}]')
        await socket.send(json.dumps(["EOSE", frame[1]]))

    server.on_request = answer


async def test_the_newest_verified_list_is_used(press: Press, server: RelayServer):
    """Older, forged and foreign lists are not; the operator's relay counts though it is on loopback."""
    newest = await listed("wss://new.example/", server.address, "ws://10.0.0.1", created_at=200)
    forged = replace(await listed("wss://evil.example", created_at=300), created_at=400)
    foreign = await listed("wss://evil.example", created_at=500, signer=KeySigner.generate())
    give(server, await listed("wss://old.example"), newest, forged, foreign)
    found = await lists_of(press).inbox_relays(READER.pubkey, press.project)
    assert found == ("wss://new.example", server.address)


async def test_a_list_is_kept_and_outlives_its_relay(press: Press, server: RelayServer):
    """Asked again after ten minutes only; without an answer then, the list last read holds."""
    give(server, await listed("wss://new.example"))
    lists = lists_of(press)
    for _ in range(2):
        assert await lists.inbox_relays(READER.pubkey, press.project) == ("wss://new.example",)
    assert len([frame for frame in server.frames if frame[0] == "REQ"]) == 1
    await press.clock.advance(601)
    dead = replace(press.project, relays=("ws://127.0.0.1:9",))
    assert await lists.inbox_relays(READER.pubkey, dead) == ("wss://new.example",)
    give(server)  # a relay that forgot it
    assert await lists.inbox_relays(READER.pubkey, press.project) == ("wss://new.example",)


async def test_nobody_knows_a_list(press: Press, server: RelayServer):
    """No list and no answer: the caller is left to the project's relays."""
    dead = replace(press.project, relays=("ws://127.0.0.1:9",))
    assert await lists_of(press).inbox_relays(READER.pubkey, dead) == ()
    give(server)
    assert await lists_of(press).read_relays(press.project) == ()


async def test_where_a_project_reads(press: Press, server: RelayServer):
    """The relays of its kind 10002, at most eight."""
    project = await press.keys.load(press.keys.list()[0])
    named = [f"wss://r{number}.example" for number in range(12)]
    give(server, await listed(*named, kind=10_002, signer=project))
    found = await lists_of(press).read_relays(replace(press.project, pubkey=project.pubkey))
    assert found == tuple(named[:8])
