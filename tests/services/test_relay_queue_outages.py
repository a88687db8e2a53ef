"""The queue when relays are away, clocks are set back, and processes stop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryState
from agentvoice.core.pacing import Pace
from agentvoice.services.publisher import Publisher
from agentvoice.services.relay_batch import MOST_IN_FLIGHT
from agentvoice.storage import deliveries
from tests.fakes.clock import START_MONOTONIC_S, ManualClock
from tests.fakes.relay_server import RelayServer, accept, refuse, relay_server
from tests.services.press import CALL_ID, SHORT, MortalRelays, Press, Reaper
from tests.services.test_relay_queue import DAY_S, HOUR_S, A, E, W, prepared, states


@pytest.fixture
async def server():
    async with relay_server() as running:
        yield running


@pytest.fixture
async def press(tmp_path: Path, server: RelayServer):
    made = Press(tmp_path, server.address)
    yield made
    await made.close()


@pytest.fixture
async def away(tmp_path: Path):
    """A relay that is not there yet, and a press whose every wait is on its own clock."""
    async with relay_server() as gone:
        pass
    press = Press(tmp_path, gone.address)
    press.relays = WebsocketRelays(SHORT, press.clock, press._find_signer)
    yield press, int(gone.address.rpartition(":")[2])
    await press.close()


async def sweep_for(press: Press, publisher: Publisher, hours: float) -> list[int]:
    """Deliver whenever something is due; return how many attempts each time."""
    attempts: list[int] = []
    end = press.clock.utc_ms() + hours * HOUR_S * 1_000
    while press.clock.utc_ms() < end:
        attempts.append(await publisher.deliver_due())
        publication = await publisher.publication(CALL_ID)
        due_at = min([d.next_attempt_at for d in publication.deliveries if d.state is W], default=end)
        await press.clock.advance(max(1.0, (min(due_at, end) - press.clock.utc_ms()) / 1_000))
    return attempts


async def test_a_dead_relay_is_tried_with_one_event_on_schedule(away):
    """Ten calls wait for it: in six hours it is tried as often as for one, with one event each time."""
    press, _ = away
    publisher = press.publisher()
    for number in range(9):
        press.finish_call(f"{number:032x}")
    press.finish_call()
    await publisher.prepare_waiting()
    attempts = await sweep_for(press, publisher, 6)
    assert set(attempts) <= {0, 1}
    assert 8 <= sum(attempts) <= 14


async def test_a_relay_that_is_back_is_found_by_a_probe(away):
    """Hours before the next attempt is due, a dial that sends nothing finds it; then all is sent."""
    press, port = away
    publisher = await prepared(press)
    await sweep_for(press, publisher, 0.25)
    due_at = (await publisher.publication(CALL_ID)).deliveries[0].next_attempt_at
    assert await publisher.probe_waiting() == 0
    async with relay_server(port=port) as back:
        await press.clock.advance(6 * 60)
        assert press.clock.utc_ms() < due_at - 20 * 60_000
        assert await publisher.deliver_due() == 0
        assert await publisher.probe_waiting() == 4
        assert back.events == []
        assert await publisher.deliver_due() == 4
        assert len(back.events) == 4
        assert await publisher.probe_waiting() == 0


async def test_an_embedded_relay_that_does_not_run_is_not_probed(tmp_path: Path):
    """There is no address to dial."""
    press = Press(tmp_path)
    publisher = await prepared(press)
    await sweep_for(press, publisher, 2)
    assert await publisher.probe_waiting() == 0
    await press.close()


async def test_everything_too_old_is_given_up_with_the_attempt(away):
    """A hundred threads for a relay that is gone for good do not take a hundred hours to end."""
    press, _ = away
    publisher = press.publisher()
    calls = [press.finish_call(f"{number:032x}") for number in range(5)]
    await publisher.prepare_waiting()
    await publisher.deliver_due()
    await press.clock.advance(5 * DAY_S)
    await publisher.deliver_due()
    found = [await publisher.publication(call_id) for call_id in calls]
    assert {state for publication in found for state in states(publication)} == {E}
    assert {publication.state for publication in found} == {PublicationState.FAILED}


@pytest.mark.parametrize("dies", [False, True])
async def test_a_clock_that_was_ahead_delays_nothing(press: Press, server: RelayServer, dies: bool):
    """Times written by a clock a year ahead are not waited for, nor is a lock of an attempt that died."""
    year_s = 365 * DAY_S
    press.finish_call()
    ahead = ManualClock(utc_ms=press.clock.utc_ms() + year_s * 1_000)
    reaper = Reaper(1 if dies else 1_000)
    early = press.publisher(clock=ahead, relays=MortalRelays(press.relays, reaper))
    await early.prepare(CALL_ID)
    server.on_event = refuse("error: later")
    with suppress(BaseExceptionGroup):
        await early.deliver_due()
    first = (await early.publication(CALL_ID)).deliveries[0]
    assert first.state is (DeliveryState.ATTEMPTING if dies else W)
    server.on_event = accept
    publisher = press.publisher()
    assert await publisher.deliver_due() == 4
    assert states(await publisher.publication(CALL_ID)) == [A, A, A, A]


async def test_a_short_beat_is_waited_for(press: Press, server: RelayServer):
    """Of a relay that takes a few events a second, one run delivers all; a longer beat is left to the next."""
    publisher = await prepared(press)
    now_s = press.clock.monotonic_s()
    pace = publisher._queue._paces[server.address] = Pace(beat_s=0.5, ready_at_s=now_s + 0.5)
    pace._beat_since_s = now_s  # a beat kept for over a minute would be shortened
    task = asyncio.create_task(publisher.deliver_due())
    async with asyncio.timeout(30):
        while not task.done():
            await press.clock.advance(0.1)
    assert await task == 4
    assert press.clock.monotonic_s() >= START_MONOTONIC_S + 4 * 0.5


async def test_a_process_that_stops_leaves_no_locks(tmp_path: Path, server: RelayServer):
    """The next one need not wait for them: what was not sent is due, what was in flight soon again."""
    press = Press(tmp_path, server.address)
    turns = tuple(("ada" if number % 2 else "", f"Turn {number}.") for number in range(100))
    press.finish_call(turns=turns)
    publisher = press.publisher()
    await publisher.prepare(CALL_ID)
    publisher._queue._paces[server.address] = Pace(_batch=200)
    silent = asyncio.Event()

    async def fall_silent(socket, event):
        if len(server.events) == 1:
            await accept(socket, event)
        else:
            silent.set()

    server.on_event = fall_silent
    task = asyncio.create_task(publisher.deliver_due())
    async with asyncio.timeout(30):
        await silent.wait()
    task.cancel()
    await asyncio.wait([task])
    found = (await publisher.publication(CALL_ID)).deliveries
    in_flight = [d for d in found if d.attempts]
    assert len([d for d in found if d.state is A]) == 1
    assert {d.last_answer for d in in_flight if d.state is W} == {"not answered yet when the process stopped"}
    assert len(in_flight) == MOST_IN_FLIGHT + 1
    server.on_event = accept
    assert await press.publisher().deliver_due() == len(found) - len(in_flight)
    await press.clock.advance(2)
    assert await press.publisher().deliver_due() == MOST_IN_FLIGHT
    assert set(states(await publisher.publication(CALL_ID))) == {A}
    await press.close()


async def test_a_stop_while_claiming_leaves_no_locks(
    press: Press, server: RelayServer, monkeypatch: pytest.MonkeyPatch
):
    """The claim is made by a thread that nobody stops: it is taken back."""
    publisher = await prepared(press)
    claiming, may_go_on = asyncio.Event(), threading.Event()
    loop, claim_due = asyncio.get_running_loop(), deliveries.claim_due

    def claim_slowly(*arguments):
        claimed = claim_due(*arguments)
        loop.call_soon_threadsafe(claiming.set)
        may_go_on.wait(30)
        return claimed

    monkeypatch.setattr(deliveries, "claim_due", claim_slowly)
    task = asyncio.create_task(publisher.deliver_due())
    async with asyncio.timeout(30):
        await claiming.wait()
    task.cancel()
    may_go_on.set()
    await asyncio.wait([task])
    found = (await publisher.publication(CALL_ID)).deliveries
    assert {(d.state, d.attempts) for d in found} == {(W, 0)}
    assert server.events == []
