from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.adapters.signer import find_forgery
from agentvoice.core.delivery import Publication
from agentvoice.core.event import SignedEvent
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.services.thread_check import ThreadCheck, check_thread
from tests.fakes.relay_server import RelayServer, relay_server
from tests.services.press import CALL_ID, Press


@pytest.fixture
async def server():
    async with relay_server() as running:
        yield running


@pytest.fixture
async def press(tmp_path: Path, server: RelayServer):
    made = Press(tmp_path, server.address)
    made.finish_call()
    yield made
    await made.close()


async def check(press: Press, server: RelayServer, spoil=lambda events: events) -> ThreadCheck:
    """Check the thread against a relay that gives back what `spoil` makes of it."""
    publisher = press.publisher()
    await publisher.prepare(CALL_ID)
    publication: Publication = await publisher.publication(CALL_ID)
    stored = spoil([entry.event for entry in publication.events])

    async def answer(socket, frame):
        wanted = frame[2]["ids"]
        for event in stored:
            if event.id in wanted:
                await socket.send(f'["EVENT",{json.dumps(frame[1])},{encode_event(event)}]')
        await socket.send(json.dumps(["EOSE", frame[1]]))

    server.on_request = answer
    return await check_thread(press.relays, "r", server.address, publication, find_forgery)


async def test_a_whole_thread(press: Press, server: RelayServer):
    """All there, in thread order whatever the relay's order, all signatures good."""
    result = await check(press, server, lambda events: events[::-1])
    assert (result.is_verified, result.problems, len(result.events)) == (True, (), 4)
    assert result.signers == tuple(press.pubkeys[name] for name in ("project", "ada", "max"))


async def test_a_missing_event(press: Press, server: RelayServer):
    """What the relay does not have is named."""
    result = await check(press, server, lambda events: events[:-1])
    assert not result.is_verified
    assert [problem.partition(": ")[2] for problem in result.problems] == ["the relay does not have it"]


def changed(index: int, **changes: object):
    def spoil(events: list[SignedEvent]) -> list[SignedEvent]:
        events[index] = replace(events[index], **changes)  # type: ignore[arg-type]  # fields by name
        return events

    return spoil


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (changed(1, content="never said"), "another id"),
        (changed(1, sig="0" * 128), "signature"),
        (changed(2, created_at=5), "another id"),
        (changed(3, pubkey="ab" * 32), "another id"),
        (changed(1, tags=()), "does not name call"),
        (changed(1, tags=()), "does not belong to root"),
    ],
)
async def test_every_change_is_found(press: Press, server: RelayServer, spoil, words: str):
    """A relay that changes text, signature, time, author or tags is told from an honest one."""
    result = await check(press, server, spoil)
    assert not result.is_verified
    assert any(words in problem for problem in result.problems)


async def test_no_thread_is_not_verified(press: Press, server: RelayServer):
    """An empty thread is never taken for a good one."""
    empty = await press.publisher().publication(CALL_ID)
    result = await check_thread(press.relays, "r", server.address, empty, find_forgery)
    assert (result.is_verified, result.problems) == (False, ("the call has no thread",))


async def test_a_long_thread_is_asked_for_in_parts(press: Press, server: RelayServer):
    """More events than one request may name are read in several."""
    turns = tuple((("", "ada")[n % 2], f"turn {n}") for n in range(130))
    long_id = press.finish_call("f" * 32, turns)
    publisher = press.publisher()
    await publisher.prepare(long_id)
    publication = await publisher.publication(long_id)

    async def answer(socket, frame):
        for entry in publication.events:
            if entry.event.id in frame[2]["ids"]:
                await socket.send(f'["EVENT",{json.dumps(frame[1])},{encode_event(entry.event)}]')
        await socket.send(json.dumps(["EOSE", frame[1]]))

    server.on_request = answer
    result = await check_thread(press.relays, "r", server.address, publication, find_forgery)
    assert (result.is_verified, len(result.events)) == (True, 131)
    assert [len(frame[2]["ids"]) for frame in server.frames if frame[0] == "REQ"] == [100, 31]
