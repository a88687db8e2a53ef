"""Many events in flight over one connection to a scripted relay: whose answer is whose."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from agentvoice.adapters.relay import MAX_RESENDS, WebsocketRelays
from agentvoice.adapters.relay_flight import CAREFUL_ANSWERS, MAX_IN_FLIGHT, Again, Flight
from agentvoice.adapters.signer import KeySigner
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.ports import RelayAnswer
from agentvoice.errors import ConnectionLost, TimedOut
from tests.fakes.held_signers import relays_of
from tests.fakes.relay_server import RelayServer, accept, relay_server

PATIENT = RelaySettings(connect_timeout_s=5, ok_timeout_s=10, auth_timeout_s=10)
HASTY = replace(PATIENT, ok_timeout_s=0.3)
"""For a relay that never answers; where one does, no test may end by the clock."""
OK = RelayAnswer(True, "")


@pytest.fixture
async def server():
    async with relay_server() as running:
        yield running


@pytest.fixture
async def relays():
    async with relays_of((), PATIENT) as opened:
        yield opened


@pytest.fixture
async def hasty():
    async with relays_of((), HASTY) as opened:
        yield opened


async def notes(count: int, text: str = "note") -> list[SignedEvent]:
    signer = KeySigner.generate()
    return [
        await signer.sign(UnsignedEvent(signer.pubkey, 1_700_000_000, 1, (), f"{text} {number}"))
        for number in range(count)
    ]


async def publish_all(
    relays: WebsocketRelays, server: RelayServer, events: list[SignedEvent]
) -> list[RelayAnswer | BaseException]:
    sending = [relays.publish(server.address, event) for event in events]
    return await asyncio.gather(*sending, return_exceptions=True)


class Holding:
    """Answers what it holds when as many events have come as are wanted."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.held: list[str] = []
        self.most_held = 0

    async def __call__(self, socket, event) -> None:
        self.held.append(event["id"])
        self.most_held = max(self.most_held, len(self.held))
        if len(self.held) == self.wanted:
            for event_id in reversed(self.held):
                await socket.send(json.dumps(["OK", event_id, True, ""]))
            self.held.clear()


async def test_events_fly_together_after_the_first_right_answer(relays: WebsocketRelays, server: RelayServer):
    """One alone, then as many as the window; answers in any order find their events."""
    first, *rest = await notes(1 + MAX_IN_FLIGHT)
    assert await relays.publish(server.address, first) == OK
    server.on_event = holding = Holding(wanted=MAX_IN_FLIGHT)
    assert await publish_all(relays, server, rest) == [OK] * MAX_IN_FLIGHT
    assert (holding.most_held, server.connections) == (MAX_IN_FLIGHT, 1)


async def test_a_new_connection_begins_with_one(relays: WebsocketRelays, server: RelayServer):
    """Until the relay has named an event nothing else is sent, however many wait."""
    server.on_event = holding = Holding(wanted=1)

    async def first_alone(socket, event) -> None:
        assert len(server.events) == 1
        server.on_event = holding
        await holding(socket, event)

    server.on_event = first_alone
    assert await publish_all(relays, server, await notes(10)) == [OK] * 10


async def test_a_relay_that_never_names_an_event_gets_one_at_a_time(
    relays: WebsocketRelays, server: RelayServer
):
    """Each OK without a name belongs to the only event there is."""
    unanswered = 0

    async def nameless(socket, event) -> None:
        nonlocal unanswered
        unanswered += 1
        assert unanswered == 1
        await socket.send(json.dumps(["OK", "", "3" not in event["content"], "invalid: three"]))
        unanswered -= 1

    server.on_event = nameless
    answers = await publish_all(relays, server, await notes(6))
    refused = RelayAnswer(False, "invalid: three")
    said = RelayAnswer(True, "invalid: three")
    assert answers == [said, said, said, refused, said, said]
    assert server.connections == 1


async def test_a_nameless_answer_among_many_is_nobodys(relays: WebsocketRelays, server: RelayServer):
    """All in flight are sent again, alone, on a new connection; only the bad one is refused."""
    first, *rest = await notes(9)
    bad = rest[4].id
    assert await relays.publish(server.address, first) == OK
    came = 0

    async def one_is_bad(socket, event) -> None:
        nonlocal came
        came += 1
        if came < 8:  # held back, so that eight are in flight
            return
        if event["id"] == bad or came == 8:
            await socket.send('["OK","",false,"invalid: bad signature"]')
        else:
            await accept(socket, event)

    server.on_event = one_is_bad
    answers = await publish_all(relays, server, rest)
    assert answers == [
        RelayAnswer(False, "invalid: bad signature") if event.id == bad else OK for event in rest
    ]
    assert server.connections == 2


async def test_a_relay_that_hangs_up_on_one_event_takes_the_others(
    relays: WebsocketRelays, server: RelayServer
):
    """The event that breaks the connection, alone and twice, is too large; nobody else suffers."""
    first, *rest = await notes(9)
    (large,) = await notes(1, "large" * 1_000)
    assert await relays.publish(server.address, first) == OK

    async def choke(socket, event) -> None:
        if event["id"] == large.id:
            await socket.close(1011, "")
        elif len(server.events) > len(rest) + 1:
            await accept(socket, event)

    server.on_event = choke
    *answers, last = await publish_all(relays, server, [*rest, large])
    assert answers == [OK] * len(rest)
    assert last == RelayAnswer(False, "too-large: the connection breaks on this event")


async def test_closed_as_too_big_among_many(relays: WebsocketRelays, server: RelayServer):
    """Code 1009 says that one was too big, not which: alone it is found."""
    first, *rest = await notes(5)
    (large,) = await notes(1, "large")
    assert await relays.publish(server.address, first) == OK

    async def too_big(socket, event) -> None:
        if event["id"] == large.id:
            await socket.close(1009, "")
        elif len(server.events) > len(rest) + 1:
            await accept(socket, event)

    server.on_event = too_big
    *answers, last = await publish_all(relays, server, [*rest, large])
    assert answers == [OK] * len(rest)
    assert last == RelayAnswer(False, "too-large: the relay closed the connection")


async def test_a_notice_among_many_is_nobodys(hasty: WebsocketRelays, server: RelayServer):
    """Several in flight, one without OK, and a NOTICE: the event is asked about alone."""
    first, *rest = await notes(5)
    (large,) = await notes(1, "large")
    assert await hasty.publish(server.address, first) == OK

    async def grumble(socket, event) -> None:
        if event["id"] == large.id:
            await socket.send('["NOTICE","too large"]')
        else:
            await accept(socket, event)

    server.on_event = grumble
    *answers, last = await publish_all(hasty, server, [*rest, large])
    assert answers == [OK] * len(rest)
    assert last == RelayAnswer(False, "notice: too large")


async def test_one_event_without_ok_fails_all_in_flight(hasty: WebsocketRelays, server: RelayServer):
    """Every one of them is TimedOut, none is told accepted, and nothing is dialled again for it."""
    first, *rest = await notes(1 + 2 * MAX_IN_FLIGHT)
    assert await hasty.publish(server.address, first) == OK

    async def never(socket, event) -> None:
        """Answer nothing."""

    server.on_event = never
    outcomes = await publish_all(hasty, server, rest)
    assert all(isinstance(outcome, TimedOut) for outcome in outcomes)
    assert (len(server.events), server.connections) == (1 + MAX_IN_FLIGHT, 1)
    server.on_event = accept
    assert await hasty.publish(server.address, rest[0]) == OK


async def test_a_relay_that_breaks_under_everything_is_given_up(relays: WebsocketRelays, server: RelayServer):
    """Neither for ever nor in a rush: a bounded number of connections, then ConnectionLost."""
    first, *rest = await notes(21)
    assert await relays.publish(server.address, first) == OK

    async def hang_up(socket, event) -> None:
        socket.transport.abort()

    server.on_event = hang_up
    outcomes = await publish_all(relays, server, rest)
    assert {type(outcome) for outcome in outcomes} == {ConnectionLost}
    assert server.connections <= 2 + MAX_RESENDS * 2


async def test_the_same_event_twice_at_once(relays: WebsocketRelays, server: RelayServer):
    """The second waits for the first, and gets an answer of its own."""
    first, second = await notes(2)
    assert await relays.publish(server.address, first) == OK
    assert await publish_all(relays, server, [second, second]) == [OK, OK]
    assert len(server.events) == 3


async def test_a_caller_that_gives_up_spends_the_connection(relays: WebsocketRelays, server: RelayServer):
    """Its answer, which may come without a name, must not find the next event."""
    first, second = await notes(2)
    reached = asyncio.Event()

    async def late(socket, event) -> None:
        reached.set()

    server.on_event = late
    giving_up = asyncio.ensure_future(relays.publish(server.address, first))
    await reached.wait()
    giving_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await giving_up
    server.on_event = accept
    assert await relays.publish(server.address, second) == OK
    assert server.connections == 2


async def test_a_turn_that_comes_too_late_is_given_on():
    """Who gives up while waiting keeps nobody from sending."""
    flight = Flight("ws://r", is_careful=False)
    assert await flight.take_turn() is None
    waiting = [asyncio.ensure_future(flight.take_turn()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # before its turn
    flight.give_turn()
    waiting[1].cancel()  # just when its turn has come
    assert await waiting[2] is None
    flight.give_turn()
    assert flight.is_idle
    for given_up in waiting[:2]:
        with pytest.raises(asyncio.CancelledError):
            await given_up


async def test_after_trouble_the_window_opens_late():
    """As many right answers are wanted as events may have been in trouble."""
    flight = Flight("ws://r", is_careful=True)
    for number in range(CAREFUL_ANSWERS):
        assert await flight.take_turn() is None
        second = asyncio.ensure_future(flight.take_turn())
        await asyncio.sleep(0)
        assert not second.done()
        answered = await flight.expect(f"{number:064}")
        assert flight.take_ok(f"{number:064}", OK)
        assert answered.result() == OK
        if number < CAREFUL_ANSWERS - 1:
            second.cancel()
        flight.give_turn()
    assert await second is None


async def test_the_end_is_told_once():
    """The first end counts; who comes later is told of it."""
    flight = Flight("ws://r", is_careful=False)
    flight.end(Again.ALONE, Again.UNSENT)
    flight.end(ConnectionLost("later"), ConnectionLost("later"))
    assert await flight.take_turn() is Again.UNSENT
    with pytest.raises(ConnectionLost, match="is closed"):
        await flight.expect("a" * 64)
    over = Flight("ws://r", is_careful=False)
    over.end(TimedOut("slow"), TimedOut("slow"))
    with pytest.raises(TimedOut, match="slow"):
        await over.take_turn()
