from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.core.delivery import Delivery, DeliveryEvent, DeliveryState
from agentvoice.core.ports import Clock
from agentvoice.errors import ConnectFailed, StorageBusy
from agentvoice.services.relay_batch import MOST_IN_FLIGHT, RelayBatch, Sent
from agentvoice.storage.deliveries import Attempt
from tests.fakes.clock import ManualClock
from tests.fakes.relay_server import RelayServer, accept, refuse, relay_server
from tests.services.press import SHORT
from tests.storage.threads import event

PATIENT = replace(SHORT, ok_timeout_s=120)
LATER_S = 30.0
A, R, P = DeliveryEvent.ACCEPTED, DeliveryEvent.REJECTED, DeliveryEvent.POSTPONED


@pytest.fixture
async def server() -> AsyncIterator[RelayServer]:
    async with relay_server() as running:
        yield running


@pytest.fixture
async def relays() -> AsyncIterator[WebsocketRelays]:
    async def find_signer(pubkey: str) -> None:
        return None

    made = WebsocketRelays(PATIENT, SystemClock(), find_signer)
    yield made
    await made.close()


def attempts(count: int, relay: str, content: str = "hello") -> list[Attempt]:
    signed = [event(number, content) for number in range(1, count + 1)]
    return [
        Attempt(
            Delivery(number, "c" * 32, each.id, relay, False, DeliveryState.ATTEMPTING, 1, 0, 0), each, "me"
        )
        for number, each in enumerate(signed)
    ]


class Sending:
    """A batch for one relay, and what was recorded of it."""

    def __init__(self, relays: WebsocketRelays, address: str, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self.address = address
        self.recorded: list[list[Sent]] = []
        self.batch = RelayBatch(relays, clock, lambda: address, clock.monotonic_s() + LATER_S)

    async def record(self, sent: list[Sent]) -> None:
        self.recorded.append(sent)

    async def send(self, count: int, content: str = "hello", *, asks_limits: bool = True) -> None:
        await self.batch.send(attempts(count, self.address, content), self.record, asks_limits=asks_limits)

    @property
    def outcomes(self) -> list[DeliveryEvent]:
        came = {sent.attempt.delivery.id: sent.event for sents in self.recorded for sent in sents}
        return [came[number] for number in sorted(came)]


async def test_events_fly_together_and_are_recorded_together(relays: WebsocketRelays, server: RelayServer):
    """A relay that answers only when ten have come gets ten; a few transactions record them."""
    held: list[dict[str, Any]] = []

    async def answer_when_ten_have_come(socket, event):
        if len(server.events) == 1:  # the first answer shows that this relay names its events
            await accept(socket, event)
            return
        held.append(event)
        if len(held) == 10:
            for each in reversed(held):
                await accept(socket, each)

    server.on_event = answer_when_ten_have_come
    sending = Sending(relays, server.address)
    await sending.send(11)
    assert sending.outcomes == [A] * 11
    assert len(sending.recorded) <= 6
    assert (sending.batch.accepted, sending.batch.take_unsent()) == (11, [])


async def test_what_a_relay_announces_not_to_take_is_not_sent(relays: WebsocketRelays, server: RelayServer):
    """It is rejected in words; what fits is sent."""
    server.document = json.dumps({"limitation": {"max_content_length": 10}})
    too_long = Sending(relays, server.address)
    await too_long.send(2, "more than ten characters")
    assert too_long.outcomes == [R, R]
    assert too_long.recorded[0][0].answer == (
        "not sent: the relay takes at most 10 characters of content, this one has 24"
    )
    assert server.events == []
    fitting = Sending(relays, server.address)
    await fitting.send(2, "short")
    assert fitting.outcomes == [A, A]


@pytest.mark.parametrize("document", ["", "{", '{"limitation": {"max_content_length": "ten"}}'])
async def test_unknown_limits_hold_nothing_up(relays: WebsocketRelays, server: RelayServer, document: str):
    """No document, a broken one, a strange one: everything is sent."""
    server.document = document
    sending = Sending(relays, server.address)
    await sending.send(2, "more than ten characters")
    assert sending.outcomes == [A, A]


async def test_limits_are_asked_for_when_told(relays: WebsocketRelays, server: RelayServer):
    """A relay that was away is tried with an event at once."""
    server.document = json.dumps({"limitation": {"max_content_length": 1}})
    sending = Sending(relays, server.address)
    await sending.send(1, asks_limits=False)
    assert sending.outcomes == [A]


async def test_what_was_not_begun_when_the_relay_died_is_left_over(
    relays: WebsocketRelays, server: RelayServer
):
    """Those in flight have failed for now; the others were never sent."""

    async def die(socket, event):
        await socket.close()

    server.on_event = die
    sending = Sending(relays, server.address)
    await sending.send(MOST_IN_FLIGHT + 36)
    assert sending.outcomes == [P] * MOST_IN_FLIGHT
    assert sending.batch.lost is not None
    assert len(sending.batch.take_unsent()) == 36


async def test_a_relay_that_asks_to_slow_down_is_sent_no_more(relays: WebsocketRelays, server: RelayServer):
    """What is refused so is no failure; the rest is left over."""
    server.on_event = refuse("rate-limited: slow down")
    sending = Sending(relays, server.address)
    await sending.send(MOST_IN_FLIGHT + 36)
    assert sending.outcomes == [P] * MOST_IN_FLIGHT
    assert all(sent.is_delay for sents in sending.recorded for sent in sents)
    assert (sending.batch.refused, sending.batch.lost) == (MOST_IN_FLIGHT, None)
    assert len(sending.batch.take_unsent()) == 36


async def test_a_failure_of_the_database_ends_the_batch(relays: WebsocketRelays, server: RelayServer):
    """What is in flight is waited for, nothing more is sent, and the failure is raised."""
    sending = Sending(relays, server.address)

    async def fail(sent: list[Sent]) -> None:
        raise StorageBusy("the database is locked")

    with pytest.raises(StorageBusy):
        await sending.batch.send(attempts(500, server.address), fail, asks_limits=False)
    assert len(server.events) < 500
    assert len(sending.batch.take_unsent()) == 500 - len(server.events)


async def test_an_address_that_cannot_be_found_is_a_relay_that_is_lost(relays: WebsocketRelays):
    """The embedded relay may not run: its limits are not asked for, and one event tells why."""

    def find_address() -> str:
        raise ConnectFailed("embedded: not running")

    clock = SystemClock()
    batch = RelayBatch(relays, clock, find_address, clock.monotonic_s() + LATER_S)
    came: list[Sent] = []

    async def record(sent: list[Sent]) -> None:
        came.extend(sent)

    await batch.send(attempts(1, "embedded"), record, asks_limits=True)
    assert [(sent.event, sent.answer) for sent in came] == [(P, "embedded: not running")]
    assert batch.lost is not None


async def test_a_batch_is_over_before_its_claims_run_out(relays: WebsocketRelays, server: RelayServer):
    """What is not answered by then has failed for now; nothing is begun thereafter."""
    arrived = asyncio.Event()

    async def be_silent(socket, event):
        arrived.set()

    server.on_event = be_silent
    clock = ManualClock()
    sending = Sending(relays, server.address, clock)
    task = asyncio.create_task(sending.send(2, asks_limits=False))
    async with asyncio.timeout(20):
        await arrived.wait()
        await clock.advance(LATER_S)
        await task
    assert sending.outcomes == [P, P]
    late = Sending(relays, server.address, clock)
    await clock.advance(LATER_S)
    await late.send(2, asks_limits=False)
    assert (late.recorded, len(late.batch.take_unsent())) == ([], 2)
