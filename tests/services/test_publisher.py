from __future__ import annotations

import asyncio
import json
from pathlib import Path

import nostr_sdk
import pytest

from agentvoice.adapters.embedded_relay import EmbeddedRelay
from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryState, Publication
from agentvoice.core.project import PublishPolicy, ThreadShape
from agentvoice.errors import ConnectFailed, NotFound, PublishError
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.storage import conversations, publications, reviews
from tests.fakes.relay_server import RelayServer, accept, refuse, relay_server
from tests.services.press import CALL_ID, TURNS, Killed, MortalDatabase, MortalRelays, Press, Reaper

HOUR_S = 3_600


@pytest.fixture
async def server():
    async with relay_server() as running:
        yield running


@pytest.fixture
async def press(tmp_path: Path, server: RelayServer):
    made = Press(tmp_path, server.address)
    yield made
    await made.close()


def states(publication: Publication) -> set[DeliveryState]:
    return {delivery.state for delivery in publication.deliveries}


async def test_a_call_becomes_a_verified_thread_on_the_embedded_relay(tmp_path: Path):
    """Published, read back and verified by us and by nostr-sdk, each turn signed by who spoke."""
    relay = EmbeddedRelay(tmp_path / "relay", "127.0.0.1", 0)
    await relay.start()
    press = Press(tmp_path)
    press.embedded = relay.address
    publisher = press.publisher()
    press.finish_call()
    publication = await publisher.wait_settled(CALL_ID, 20)
    assert (publication.state, states(publication)) == (PublicationState.PUBLISHED, {DeliveryState.ACCEPTED})
    check = await publisher.verify_thread(CALL_ID)
    assert (check.is_verified, check.problems, check.relay) == (True, (), "embedded")
    pubkeys = press.pubkeys
    assert [event.pubkey for event in check.events] == [
        pubkeys["project"], pubkeys["project"], pubkeys["ada"], pubkeys["max"]
    ]  # fmt: skip
    assert check.signers == (pubkeys["project"], pubkeys["ada"], pubkeys["max"])
    for event in check.events:
        assert nostr_sdk.Event.from_json(encode_event(event)).verify()
    found = await press.relays.fetch(
        relay.address, [{"#t": ["voice-conversation"], "#p": [pubkeys["project"]]}]
    )
    assert {event.id for event in found} == {event.id for event in check.events}
    await press.close()
    await relay.stop()


@pytest.mark.parametrize("shape", list(ThreadShape))
async def test_killed_between_any_two_steps_it_is_one_thread(tmp_path: Path, shape: ThreadShape):
    """Whenever the process dies, the next one publishes exactly one thread, without a second signature."""
    at = 0
    while True:
        at += 1
        if await _publish_through_a_kill(tmp_path / str(at), at, shape):
            break
    assert at > 14  # steps that were tried; the last run met no kill


async def _publish_through_a_kill(folder: Path, at: int, shape: ThreadShape) -> bool:
    async with relay_server() as server:
        press = Press(folder, server.address, shape=shape)
        press.finish_call(turns=TURNS[1:])
        reaper = Reaper(at)
        mortal = press.publisher(
            MortalDatabase(press.database, reaper),  # type: ignore[arg-type]  # what a publisher uses of it
            relays=MortalRelays(press.relays, reaper),
        )
        survived = True
        try:
            await mortal.sweep()
        except (Killed, BaseExceptionGroup):
            survived = False
        sent_before = {event["id"] for event in server.events}
        for _ in range(2):  # locks run out, then whatever was postponed is due
            await press.clock.advance(400)
            await press.publisher().sweep()
        publication = await press.publisher().publication(CALL_ID)
        ids = [stored.event.id for stored in publication.events]
        assert publication.state is PublicationState.PUBLISHED
        assert sent_before <= set(ids)  # nothing else was ever sent
        assert {event["id"] for event in server.events} == set(ids)
        assert len(ids) == (1 if shape is ThreadShape.SINGLE else 3)
        assert len(server.events) <= len(ids) + 1  # one event at most was in flight
        assert server.events[0]["id"] == ids[0]  # the root came first
        await press.close()
    return survived


async def test_two_processes_make_one_thread(press: Press, server: RelayServer):
    """Sweeping at once over one database, they store one thread and send each event once."""
    press.finish_call()
    await asyncio.gather(press.publisher().sweep(), press.publisher().sweep(), press.publisher().sweep())
    await press.publisher().sweep()
    publication = await press.publisher().publication(CALL_ID)
    assert publication.state is PublicationState.PUBLISHED
    assert len(publication.events) == 4
    assert sorted(event["id"] for event in server.events) == sorted(e.event.id for e in publication.events)


async def test_the_wire_carries_no_more_than_the_thread(press: Press, server: RelayServer):
    """What the relay saw are EVENT frames of kind 1 with the design's tags, and nothing else."""
    press.finish_call()
    await press.publisher().sweep()
    assert {frame[0] for frame in server.frames} == {"EVENT"}
    for event in server.events:
        assert event["kind"] == 1
        assert ["realtime-session", CALL_ID] in event["tags"]
        assert ["p", press.pubkeys["project"]] in event["tags"]
    assert "nsec" not in json.dumps(server.frames)


@pytest.mark.parametrize(
    ("policy", "refused", "expected"),
    [
        (PublishPolicy.OFF, False, PublicationState.NONE),
        (PublishPolicy.PUBLIC, True, PublicationState.NONE),
        (PublishPolicy.REVIEW, True, PublicationState.NONE),
        (PublishPolicy.PRIVATE, True, PublicationState.NONE),
        (PublishPolicy.REVIEW, False, PublicationState.REVIEW),
    ],
)
async def test_what_may_not_be_published_is_not_even_signed(
    press: Press, server: RelayServer, policy: PublishPolicy, refused: bool, expected: PublicationState
):
    """Off, refused by the caller, or waiting for review: no event exists, no relay is dialled."""
    press.finish_call(policy=policy, do_not_publish=refused)
    publisher = press.publisher()
    await publisher.sweep()
    assert await publisher.prepare(CALL_ID) is expected
    publication = await publisher.publication(CALL_ID)
    assert (publication.events, publication.deliveries) == ((), ())
    assert server.connections == 0
    assert publication.error == ""


async def test_a_private_call_stays_private_when_retried(press: Press, server: RelayServer):
    """An operator's retry cannot make a private call public: only gift wraps are ever sent."""
    server.on_event = refuse("error: later")
    press.finish_call(policy=PublishPolicy.PRIVATE)
    await press.publisher().sweep()
    with press.database.writing() as session:
        publications.retry_publication(session, CALL_ID, press.clock.utc_ms(), 1)
    await press.publisher().sweep()
    assert {event["kind"] for event in server.events} == {1059}
    assert len({event["id"] for event in server.events}) == 1


async def test_an_approved_call_is_published(press: Press, server: RelayServer):
    """Review ends with the operator's word."""
    press.finish_call(policy=PublishPolicy.REVIEW)
    with press.database.writing() as session:
        reviews.approve_publication(session, CALL_ID)
    assert (await press.publisher().wait_settled(CALL_ID, 20)).state is PublicationState.PUBLISHED


async def test_refused_while_it_was_signed(press: Press, server: RelayServer):
    """`Do not publish` that comes between signing and storing wins: the signed events are thrown away."""

    async def refuse_then_load(reference: str):
        with press.database.writing() as session:
            conversations.set_do_not_publish(session, CALL_ID)
        return await press.keys.load(reference)

    press.finish_call()
    publisher = press.publisher(load_signer=refuse_then_load)
    await publisher.sweep()
    publication = await publisher.publication(CALL_ID)
    assert (publication.state, publication.events) == (PublicationState.NONE, ())
    assert server.events == []


async def test_nobody_signs_for_a_missing_key(press: Press, server: RelayServer):
    """An agent whose key file is gone fails the thread with the reason; mended, a retry publishes it."""
    press.finish_call()
    signer = await press._find_signer(press.pubkeys["max"])
    reference = next(
        name for name in press.keys.list() if press.keys.read(name).pubkey == press.pubkeys["max"]
    )
    press.keys.remove(reference)
    publisher = press.publisher()
    assert await publisher.prepare(CALL_ID) is PublicationState.FAILED
    assert "does not exist" in (await publisher.publication(CALL_ID)).error
    press.keys.add(signer)  # type: ignore[arg-type]  # a KeySigner, as this key file's was
    with press.database.writing() as session:
        publications.retry_publication(session, CALL_ID, press.clock.utc_ms(), 1)
    assert (await publisher.wait_settled(CALL_ID, 20)).state is PublicationState.PUBLISHED


async def test_a_signer_that_is_away_is_waited_for(press: Press, server: RelayServer):
    """A remote signer out of reach leaves the call queued; the next sweep signs it."""
    is_away = True

    async def load(reference: str):
        if is_away:
            raise ConnectFailed("the signer is away")
        return await press.keys.load(reference)

    press.finish_call()
    publisher = press.publisher(load_signer=load)
    assert await publisher.prepare(CALL_ID) is PublicationState.QUEUED
    is_away = False
    assert await publisher.prepare(CALL_ID) is PublicationState.QUEUED
    await publisher.deliver_due()
    assert (await publisher.publication(CALL_ID)).state is PublicationState.PUBLISHED


async def test_a_relay_that_is_down_gets_the_thread_later(press: Press, server: RelayServer):
    """While it refuses nothing is lost; when it is back it gets root and replies, the same bytes."""

    async def busy(socket, event):
        await socket.close()

    server.on_event = busy
    press.finish_call()
    publisher = press.publisher()
    await publisher.sweep()
    before = await publisher.publication(CALL_ID)
    assert (before.state, states(before)) == (PublicationState.QUEUED, {DeliveryState.WAITING})
    assert "the connection broke" in before.deliveries[0].last_answer
    server.on_event = accept
    server.frames.clear()
    await press.clock.advance(7)
    await publisher.sweep()
    after = await publisher.publication(CALL_ID)
    assert after.state is PublicationState.PUBLISHED
    assert [event["id"] for event in server.events] == [stored.event.id for stored in before.events]


async def test_verifying_needs_a_relay_that_has_it_all(press: Press):
    """Before publication there is nothing to verify, and an unknown call is NotFound."""
    press.finish_call()
    publisher = press.publisher()
    with pytest.raises(PublishError, match="no relay has the whole thread"):
        await publisher.verify_thread(CALL_ID)
    with pytest.raises(NotFound):
        await publisher.verify_thread("f" * 32)
    with pytest.raises(NotFound):
        await publisher.prepare("f" * 32)


async def test_waiting_has_an_end(press: Press, server: RelayServer):
    """A relay that never answers does not hold `wait_settled` beyond its limit; retries go on."""

    async def busy(socket, event):
        await socket.close()

    server.on_event = busy
    press.finish_call()
    waiting = asyncio.ensure_future(press.publisher().wait_settled(CALL_ID, 3.0))
    while not waiting.done():
        await press.clock.advance(0.1)
    assert (await waiting).state is PublicationState.QUEUED


async def test_a_silent_call_has_no_thread(press: Press, server: RelayServer):
    """Words that are nothing but controls leave no turn, so no root either."""
    press.finish_call(turns=(("", "\x07"),))
    assert await press.publisher().prepare(CALL_ID) is PublicationState.NONE
    assert server.connections == 0


async def test_many_calls_in_one_sweep(press: Press, server: RelayServer):
    """Every waiting call is prepared and delivered."""
    for number in range(5):
        press.finish_call(f"{number:032x}")
    publisher = press.publisher()
    await publisher.sweep()
    assert len(server.events) == 5 * (len(TURNS) + 1)
    assert await publisher.prepare_waiting() == 0


async def test_looking_on_leaves_the_work_to_the_process_that_has_the_keys(press: Press):
    """Whoever waits for another process's thread neither signs it nor makes it fail for want of a key."""
    press.finish_call()
    for name in press.pubkeys:
        press.keys.remove(f"file:{encode_npub(press.pubkeys[name])}")
    publication = await asyncio.gather(
        press.publisher().wait_settled(CALL_ID, 1.0, by_another=True), press.clock.advance(2)
    )
    assert (publication[0].state, publication[0].error) == (PublicationState.QUEUED, "")
