from __future__ import annotations

import json
from pathlib import Path

import pytest
from nostr_sdk import LocalRelayBuilderNip42, LocalRelayBuilderNip42Mode, RateLimit

from agentvoice.config.settings import PublishSettings
from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryState, Publication
from agentvoice.core.metrics import DELIVERIES
from agentvoice.services.publisher import Publisher
from agentvoice.storage import conversations, publications
from tests.fakes.metrics import ToldMetrics
from tests.fakes.nostr_relays import local_relay
from tests.fakes.relay_server import RelayServer, accept, refuse, relay_server
from tests.services.press import CALL_ID, Press

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
A, W, R, E = DeliveryState.ACCEPTED, DeliveryState.WAITING, DeliveryState.REJECTED, DeliveryState.EXPIRED


@pytest.fixture
async def server():
    async with relay_server() as running:
        yield running


@pytest.fixture
async def press(tmp_path: Path, server: RelayServer):
    made = Press(tmp_path, server.address)
    yield made
    await made.close()


def states(publication: Publication, relay: str = "") -> list[DeliveryState]:
    return [d.state for d in publication.deliveries if relay in ("", d.relay)]


async def prepared(press: Press) -> Publisher:
    press.finish_call()
    publisher = press.publisher()
    await publisher.prepare(CALL_ID)
    return publisher


async def test_replies_wait_for_their_root(press: Press, server: RelayServer):
    """Until the root is accepted no reply is offered."""
    publisher = await prepared(press)
    server.on_event = refuse("error: database is locked")
    assert await publisher.deliver_due() == 1
    assert states(await publisher.publication(CALL_ID)) == [W, W, W, W]
    server.on_event = accept
    await press.clock.advance(7)
    assert await publisher.deliver_due() == 4
    assert states(await publisher.publication(CALL_ID)) == [A, A, A, A]


async def test_replies_are_rejected_with_their_root(press: Press, server: RelayServer):
    """A relay that will never take the root is not offered the rest, and the reason is kept."""
    publisher = await prepared(press)
    server.on_event = refuse("blocked: not welcome")
    assert await publisher.deliver_due() == 1
    publication = await publisher.publication(CALL_ID)
    assert (publication.state, states(publication)) == (PublicationState.FAILED, [R, R, R, R])
    assert publication.deliveries[0].last_answer == "blocked: not welcome"
    assert publication.deliveries[1].last_answer == "with its root: blocked: not welcome"


async def test_attempts_are_counted_by_outcome(press: Press, server: RelayServer):
    """What a relay took, refused, or is asked again later; replies rejected with their root were no attempts."""
    told = ToldMetrics()
    press.finish_call()
    publisher = press.publisher(metrics=told)
    await publisher.prepare(CALL_ID)
    for answer in (refuse("error: database is locked"), refuse("blocked: no"), accept):
        server.on_event = answer
        await publisher.deliver_due()
        await press.clock.advance(7)
    outcomes = ("postponed", "rejected", "accepted", "expired")
    assert [told.sum_of(DELIVERIES, outcome) for outcome in outcomes] == [1, 1, 0, 0]


async def test_one_rejected_reply_leaves_the_others(press: Press, server: RelayServer):
    """A relay may refuse one turn; the thread is partial, the rest is there."""
    publisher = await prepared(press)
    seen = []

    async def refuse_the_second(socket, event):
        seen.append(event["id"])
        await (refuse("invalid: no")(socket, event) if len(seen) == 2 else accept(socket, event))

    server.on_event = refuse_the_second
    await publisher.deliver_due()
    publication = await publisher.publication(CALL_ID)
    assert (publication.state, states(publication)) == (PublicationState.PARTIAL, [A, R, A, A])


async def test_the_attempt_is_written_down_before_the_relay_sees_it(press: Press, server: RelayServer):
    """While the relay reads the event, the database already counts the attempt and the next time."""
    publisher = await prepared(press)
    during = []

    async def look(socket, event):
        found = (await publisher.publication(CALL_ID)).deliveries
        during.append(next(d for d in found if d.event_id == event["id"]))
        await accept(socket, event)

    server.on_event = look
    await publisher.deliver_due()
    assert [(d.state, d.attempts) for d in during] == [(DeliveryState.ATTEMPTING, 1)] * 4
    assert all(d.next_attempt_at > press.clock.utc_ms() for d in during)


async def test_a_dead_relay_is_dialled_once_per_round(press: Press, server: RelayServer):
    """One failure postpones everything for that relay: ten calls are not ten dials."""

    async def hang_up(socket, event):
        await socket.close()

    server.on_event = hang_up
    for number in range(10):
        press.finish_call(f"{number:032x}")
    publisher = press.publisher()
    await publisher.sweep()
    await publisher.sweep()
    assert server.connections == 2  # one was open already, for the relay's limits, and may have been stale
    await press.clock.advance(7)
    await publisher.sweep()
    assert server.connections == 3


async def test_back_off_grows_and_gives_up_after_five_days(press: Press, server: RelayServer):
    """About 130 attempts in five days, then the thread has failed, replies included."""
    server.on_event = refuse("error: try later")
    publisher = await prepared(press)
    for _ in range(200):
        await publisher.deliver_due()
        publication = await publisher.publication(CALL_ID)
        root = publication.deliveries[0]
        if root.state is not W:
            break
        await press.clock.advance((root.next_attempt_at - press.clock.utc_ms()) / 1_000 + 0.001)
    assert (publication.state, set(states(publication))) == (PublicationState.FAILED, {E})
    assert 110 <= len(server.events) <= 150
    assert press.clock.utc_ms() - root.created_at >= 5 * DAY_S * 1_000


async def test_when_a_relay_is_back_nothing_waits_for_its_hour(press: Press, server: RelayServer):
    """A success after failures makes the relay's other deliveries due at once."""
    server.on_event = refuse("error: down")
    calls = [press.finish_call(f"{number:032x}") for number in range(3)]
    publisher = press.publisher()
    for _ in range(8):  # far into the hourly rhythm
        await publisher.sweep()
        await press.clock.advance(HOUR_S * 1.3)
    late = press.finish_call("f" * 32)
    server.on_event = accept
    await publisher.sweep()
    found = [await publisher.publication(call_id) for call_id in (*calls, late)]
    assert {publication.state for publication in found} == {PublicationState.PUBLISHED}


async def test_one_relay_down_does_not_hold_up_another(tmp_path: Path):
    """Each relay has its own pace; enough accepted relays make the thread published."""
    async with relay_server() as up, relay_server(refuse("error: down")) as down:
        press = Press(tmp_path, down.address, up.address, settings=PublishSettings(accepted_relays=1))
        publisher = await prepared(press)
        await publisher.deliver_due()
        publication = await publisher.publication(CALL_ID)
        assert publication.state is PublicationState.PUBLISHED
        assert states(publication, up.address) == [A] * 4
        assert states(publication, down.address) == [W] * 4
        await press.close()


async def test_a_notice_instead_of_ok_does_not_block_the_queue(press: Press, server: RelayServer):
    """A relay that answers one event by NOTICE still gets the others."""
    publisher = await prepared(press)
    root_id = (await publisher.publication(CALL_ID)).events[0].event.id

    async def notice_for_replies(socket, event):
        if event["id"] == root_id:
            await accept(socket, event)
        else:
            await socket.send(json.dumps(["NOTICE", "hm"]))

    server.on_event = notice_for_replies
    await publisher.deliver_due()
    publication = await publisher.publication(CALL_ID)
    assert states(publication) == [A, W, W, W]
    assert publication.deliveries[1].last_answer == "notice: hm"


async def test_an_event_that_is_never_answered_does_not_hold_up_the_others(press: Press, server: RelayServer):
    """Those in flight with it are taken; the others come first in the next round, as the least tried."""
    publisher = await prepared(press)
    silent_id = (await publisher.publication(CALL_ID)).events[1].event.id

    async def silent_about_one(socket, event):
        if event["id"] != silent_id:
            await accept(socket, event)

    server.on_event = silent_about_one
    await publisher.deliver_due()
    assert states(await publisher.publication(CALL_ID)) == [A, W, A, W]
    await press.clock.advance(7)
    await publisher.deliver_due()
    assert states(await publisher.publication(CALL_ID)) == [A, W, A, A]


async def test_a_real_relay_with_auth_and_few_notes_a_minute(tmp_path: Path):
    """NIP-42 is answered, `rate-limited:` halves the pace, and nothing is lost or refused."""
    nip42 = LocalRelayBuilderNip42(mode=LocalRelayBuilderNip42Mode.WRITE)
    limit = RateLimit(max_reqs=100, notes_per_minute=3)  # the refused try before AUTH counts too
    async with local_relay(nip42=nip42, rate_limit=limit) as address:
        press = Press(tmp_path, address)
        publisher = await prepared(press)
        await publisher.deliver_due()
        publication = await publisher.publication(CALL_ID)
        assert states(publication) == [A, A, W, W]
        assert publication.deliveries[2].last_answer.startswith("rate-limited:")
        wait_ms = publication.deliveries[3].next_attempt_at - press.clock.utc_ms()
        assert wait_ms == 1_000
        await press.close()


async def test_a_rate_limited_relay_is_sent_one_event_a_beat(press: Press, server: RelayServer):
    """After `rate-limited:` events go out one by one, each a pace apart, until all are there."""
    taken: list[float] = []

    async def limited(socket, event):
        if taken and press.clock.monotonic_s() - taken[-1] < 3:
            await refuse("rate-limited: slow down")(socket, event)
        else:
            taken.append(press.clock.monotonic_s())
            await accept(socket, event)

    server.on_event = limited
    publisher = await prepared(press)
    for _ in range(60):
        await publisher.deliver_due()
        await press.clock.advance(0.5)
    publication = await publisher.publication(CALL_ID)
    assert publication.state is PublicationState.PUBLISHED
    assert len(server.events) <= 10


async def test_an_embedded_relay_that_is_not_running_is_waited_for(tmp_path: Path):
    """`embedded` is resolved when dialling: not there yet is a retry, not a failure."""
    press = Press(tmp_path)
    publisher = await prepared(press)
    await publisher.deliver_due()
    publication = await publisher.publication(CALL_ID)
    assert publication.deliveries[0].last_answer == "embedded: the embedded relay is not running"
    async with local_relay() as address:
        press.embedded = address
        await press.clock.advance(7)
        await publisher.deliver_due()
        assert (await publisher.publication(CALL_ID)).state is PublicationState.PUBLISHED
        await press.close()


async def test_an_operator_drops_and_retries(press: Press, server: RelayServer):
    """Dropped deliveries are left alone; a retry queues them again from the first delay."""
    server.on_event = refuse("error: down")
    publisher = await prepared(press)
    await publisher.deliver_due()
    with press.database.writing() as session:
        assert publications.drop_publication(session, CALL_ID, press.clock.utc_ms(), 1) == 4
    await press.clock.advance(HOUR_S)
    assert await publisher.deliver_due() == 0
    server.on_event = accept
    with press.database.writing() as session:
        assert publications.retry_publication(session, CALL_ID, press.clock.utc_ms(), 1) == 4
    assert await publisher.deliver_due() == 4
    assert (await publisher.publication(CALL_ID)).state is PublicationState.PUBLISHED


async def test_nothing_more_is_sent_after_a_late_refusal(press: Press, server: RelayServer):
    """`Do not publish` that comes after signing stops what has not been sent."""
    publisher = await prepared(press)
    with press.database.writing() as session:
        conversations.set_do_not_publish(session, CALL_ID)
    assert await publisher.deliver_due() == 0
    assert server.events == []
