from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.core.event import UnsignedEvent
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import PublishError
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.services.private_check import check_wraps
from tests.fakes.nostr_relays import local_relay
from tests.fakes.relay_server import RelayServer, relay_server
from tests.services.press import CALL_ID, Press


@pytest.fixture
async def server():
    async with relay_server() as running:
        yield running


@pytest.fixture
async def press(tmp_path: Path, server: RelayServer):
    made = Press(tmp_path, server.address, readers=(KeySigner.generate().pubkey,))
    made.finish_call(policy=PublishPolicy.PRIVATE)
    give(server, lambda event: event)
    yield made
    await made.close()


def give(server: RelayServer, spoil) -> None:
    """Let the relay give back what it took, as `spoil` makes of it; None is what it lost."""

    async def answer(socket, frame):
        for event in server.events:
            kept = spoil(event) if event["id"] in frame[2].get("ids", ()) else None
            if kept is not None:
                await socket.send(json.dumps(["EVENT", frame[1], kept]))
        await socket.send(json.dumps(["EOSE", frame[1]]))

    server.on_request = answer


async def test_wraps_at_a_real_relay_are_verified(tmp_path: Path):
    """Every reader's wrap is read back from rust-nostr's relay, and tells nothing."""
    async with local_relay() as address:
        press = Press(tmp_path, address, readers=(KeySigner.generate().pubkey,))
        press.finish_call(policy=PublishPolicy.PRIVATE)
        publisher = press.publisher()
        await publisher.wait_settled(CALL_ID, 20)
        check = await publisher.verify_thread(CALL_ID)
        assert (check.is_verified, check.problems, check.relay) == (True, (), address)
        assert len(check.events) == len(check.signers) == 2
        await press.close()


async def test_each_relay_is_checked_for_itself(press: Press, server: RelayServer):
    """Every relay is asked for the wraps that it accepted; one that lost them is told, and what it lost."""
    publisher = press.publisher()
    await publisher.wait_settled(CALL_ID, 20)
    (check,) = await publisher.verify_relays(CALL_ID)
    assert (check.is_verified, check.found, check.expected) == (True, 2, 2)
    gone = server.events[0]["id"]
    give(server, lambda event: None if event["id"] == gone else event)
    (check,) = await publisher.verify_relays(CALL_ID, server.address)
    assert (check.is_verified, check.found, check.expected, check.lost) == (False, 1, 2, (gone,))


async def test_what_no_relay_has_is_not_verified(press: Press):
    """Before anything is accepted there is nothing to read back, and the error says how much is missing."""
    publisher = press.publisher()
    await publisher.prepare(CALL_ID)
    with pytest.raises(PublishError, match="no relay has 2 of its 2 gift wraps"):
        await publisher.verify_thread(CALL_ID)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda event: None, "does not have it"),
        (lambda event: event | {"content": "other"}, "another id"),
        (lambda event: event | {"sig": "0" * 128}, "signature"),
    ],
)
async def test_a_relay_that_lost_or_changed_a_wrap_is_found(
    press: Press, server: RelayServer, spoil, words: str
):
    """One line for each wrap, naming it and the relay."""
    publisher = press.publisher()
    await publisher.wait_settled(CALL_ID, 20)
    give(server, spoil)
    check = await publisher.verify_thread(CALL_ID)
    assert not check.is_verified
    assert [server.address in problem and words in problem for problem in check.problems] == [True, True]


async def test_a_wrap_that_tells_too_much_is_found(press: Press, server: RelayServer):
    """The check looks at the events themselves: a note in the place of a wrap shows up thrice."""
    publisher = press.publisher()
    await publisher.wait_settled(CALL_ID, 20)
    project = await press.keys.load(next(r for r in press.keys.list()))
    publication = await publisher.publication(CALL_ID)
    note = await project.sign(
        UnsignedEvent(project.pubkey, 5, 1, (("realtime-session", CALL_ID),), "Good morning.")
    )
    entry = replace(publication.events[0], event=note)
    delivery = replace(publication.deliveries[0], event_id=note.id)
    told = replace(publication, events=(entry,), deliveries=(delivery,))

    async def answer(socket, frame):
        await socket.send(f'["EVENT",{json.dumps(frame[1])},{encode_event(note)}]')
        await socket.send(json.dumps(["EOSE", frame[1]]))

    server.on_request = answer
    check = await check_wraps(press.relays, lambda relay: relay, told, find_forgery)
    words = [problem.rpartition(": ")[2] for problem in check.problems]
    assert words == [
        "it is of kind 1, not a gift wrap",
        "its tags tell more than its reader",
        "it shows the call's id",
    ]
