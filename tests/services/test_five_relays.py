"""One call, five relays: one dead, one slow, one that takes six events a minute, one refusing, one good."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import Delivery, DeliveryState
from agentvoice.services.publisher import Publisher
from tests.fakes.relay_server import RelayServer, accept, refuse, relay_server
from tests.services.press import CALL_ID, SHORT, Press

TURNS = tuple(("ada" if number % 2 else "", f"Turn {number}.") for number in range(200))
EVENTS = len(TURNS) + 1
LIMIT = 6
MINUTE_S = 60.0
PATIENT = replace(SHORT, ok_timeout_s=120)


class SlowAnswers:
    """Answers nothing until it is let; then everything."""

    def __init__(self) -> None:
        self.may = asyncio.Event()

    async def answer(self, socket, event) -> None:
        await self.may.wait()
        await accept(socket, event)


class SixAMinute:
    """Takes six events in any minute of the clock, refuses the others, and notes when all came."""

    def __init__(self, press: Press) -> None:
        self._press = press
        self.taken: list[float] = []
        self.came: list[float] = []

    async def answer(self, socket, event) -> None:
        now_s = self._press.clock.monotonic_s()
        self.came.append(now_s)
        if sum(at > now_s - MINUTE_S for at in self.taken) >= LIMIT:
            await refuse("rate-limited: six a minute")(socket, event)
        else:
            self.taken.append(now_s)
            await accept(socket, event)

    @property
    def most_a_minute(self) -> int:
        return max(sum(at <= other < at + MINUTE_S for other in self.came) for at in self.came)


async def of_relay(publisher: Publisher, relay: str) -> list[Delivery]:
    publication = await publisher.publication(CALL_ID)
    return [each for each in publication.deliveries if each.relay == relay]


async def test_each_relay_gets_the_call_in_its_own_time(tmp_path: Path):
    """None waits for another: the good one has it all while the slow one has answered nothing."""
    async with AsyncExitStack() as stack:
        async with relay_server() as dead:
            pass
        slow, limited, refusing, good = [await stack.enter_async_context(relay_server()) for _ in range(4)]
        relays = [each.address for each in (dead, slow, limited, refusing, good)]
        press = Press(tmp_path, *relays)
        press.relays = WebsocketRelays(PATIENT, SystemClock(), press._find_signer)
        stack.push_async_callback(press.close)
        answers, six = SlowAnswers(), SixAMinute(press)
        slow.on_event, limited.on_event, refusing.on_event = answers.answer, six.answer, refuse("blocked: no")
        press.finish_call(turns=TURNS)
        publisher = press.publisher()
        await publisher.prepare(CALL_ID)

        await check_the_good_one_is_first(publisher, slow, good, answers)
        ids = [each.event.id for each in (await publisher.publication(CALL_ID)).events]
        for server in (slow, good):
            assert Counter(event["id"] for event in server.events) == Counter(ids)
            assert server.events[0]["id"] == ids[0]

        began_s = press.clock.monotonic_s()
        await until_the_limited_one_has_it(press, publisher, limited.address)
        took_s = press.clock.monotonic_s() - began_s
        assert took_s < (EVENTS - LIMIT) / LIMIT * MINUTE_S * 1.2
        assert len(six.taken) == EVENTS
        assert len(six.came) - len(six.taken) <= 12  # refused
        assert six.most_a_minute <= LIMIT + 3
        assert limited.events[0]["id"] == ids[0]

        assert [each.state for each in await of_relay(publisher, refusing.address)] == [
            DeliveryState.REJECTED
        ] * EVENTS
        assert len(refusing.events) == 1  # the root's refusal is that of all
        unreached = await of_relay(publisher, dead.address)
        assert {each.state for each in unreached} == {DeliveryState.WAITING}
        assert sum(each.attempts for each in unreached) <= 10
        assert (await publisher.publication(CALL_ID)).state is PublicationState.PUBLISHED


async def check_the_good_one_is_first(
    publisher: Publisher, slow: RelayServer, good: RelayServer, answers: SlowAnswers
) -> None:
    """Deliver until only the slow relay is left; a further run finds it busy; then let it answer."""
    got_all = asyncio.Event()

    async def count(socket, event) -> None:
        await accept(socket, event)
        if len(good.events) == EVENTS:
            got_all.set()

    good.on_event = count
    async with asyncio.timeout(60):
        first = asyncio.create_task(publisher.deliver_due())
        await got_all.wait()
        assert len(slow.events) == 1  # nobody has heard of its root yet
        assert not first.done()
        answers.may.set()
        await first


async def until_the_limited_one_has_it(press: Press, publisher: Publisher, relay: str) -> None:
    """Wake the queue every second in which something is due, as the daemon does every second."""
    for _ in range(2 * EVENTS):
        waiting = [each for each in await of_relay(publisher, relay) if each.state is DeliveryState.WAITING]
        if not waiting:
            return
        wait_ms = min(each.next_attempt_at for each in waiting) - press.clock.utc_ms()
        await press.clock.advance(max(1.0, -(-wait_ms // 1_000)))
        await publisher.deliver_due()
    raise AssertionError("the limited relay never got everything")
