"""Relays that do what no real one may: each ends in a known outcome, and all else goes on meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.relay_flight import MAX_IN_FLIGHT
from agentvoice.adapters.signer import KeySigner
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.ports import RelayAnswer
from agentvoice.errors import ConnectionLost, TimedOut, TransportError
from tests.fakes.clock import ManualClock
from tests.fakes.relay_server import Answer, RelayServer, accept, relay_server

OK_TIMEOUT_S = 15.0
LATENCY_S = 10.0
SETTINGS = RelaySettings(ok_timeout_s=OK_TIMEOUT_S, fetch_timeout_s=OK_TIMEOUT_S, idle_close_s=1e6)
OK = RelayAnswer(True, "")
PATIENCE_S = 10.0
SIGNER = KeySigner.generate()


async def note(text: str) -> SignedEvent:
    return await SIGNER.sign(UnsignedEvent(SIGNER.pubkey, 1_700_000_000, 1, (), text))


@dataclass
class Scene:
    """A relay that makes trouble, a good one, and what speaks to both."""

    relays: WebsocketRelays
    clock: ManualClock
    bad: RelayServer
    good: RelayServer
    later: list[asyncio.Task[None]] = field(default_factory=list)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                await self.clock.settle()

    async def outcome(self, script: Answer, after_s: float) -> RelayAnswer | TransportError:
        """What comes of an event that the bad relay treats so, when `after_s` have passed.

        Before and after, the same relay takes events as it should; meanwhile the good one does.
        """
        assert await self.relays.publish(self.bad.address, await note("before")) == OK
        self.bad.on_event, seen = script, len(self.bad.events)
        troubled = asyncio.create_task(self.relays.publish(self.bad.address, await note("trouble")))
        await self.until(lambda: len(self.bad.events) > seen)
        others = [
            self.relays.publish(self.good.address, await note(f"other {number}")) for number in range(20)
        ]
        assert await asyncio.gather(*others) == [OK] * 20
        await self.clock.advance(after_s)
        (result,) = await asyncio.gather(troubled, return_exceptions=True)
        assert isinstance(result, RelayAnswer | TransportError), result
        self.bad.on_event = accept
        assert await self.relays.publish(self.bad.address, await note("after")) == OK
        return result


@asynccontextmanager
async def on_stage() -> AsyncIterator[Scene]:
    async def find_signer(pubkey: str) -> KeySigner:
        return SIGNER

    async with relay_server() as bad, relay_server() as good:
        clock = ManualClock()
        relays = WebsocketRelays(SETTINGS, clock, find_signer)
        stage = Scene(relays, clock, bad, good)
        yield stage
        await relays.close()
        await asyncio.gather(*stage.later)


@pytest.fixture
async def scene():
    async with on_stage() as stage:
        yield stage


async def say(socket: Any, *frame: object) -> None:
    await socket.send(json.dumps(frame))


async def test_no_ok_ever(scene: Scene):
    """TimedOut at the limit and not before; a new connection takes the next event."""

    async def silent(socket: Any, event: dict[str, Any]) -> None:
        """Answer nothing."""

    assert isinstance(await scene.outcome(silent, OK_TIMEOUT_S), TimedOut)
    assert scene.bad.connections == 2


async def test_an_ok_with_an_empty_id(scene: Scene):
    """Alone in flight the event is the one that is meant: refused at once, and for this reason."""

    async def nameless(socket: Any, event: dict[str, Any]) -> None:
        await say(socket, "OK", "", False, "invalid: bad signature")

    assert await scene.outcome(nameless, 0) == RelayAnswer(False, "invalid: bad signature")
    assert scene.bad.connections == 1


async def test_a_notice_instead_of_an_ok(scene: Scene):
    """Its words are the answer once the time for an OK is over."""

    async def notice(socket: Any, event: dict[str, Any]) -> None:
        await say(socket, "NOTICE", "could not parse command")

    assert await scene.outcome(notice, OK_TIMEOUT_S) == RelayAnswer(False, "notice: could not parse command")


async def test_a_lie(scene: Scene):
    """True, but not stored: the answer is believed, and reading back tells the truth."""

    async def forget(socket: Any, frame: list[Any]) -> None:
        await say(socket, "EOSE", frame[1])

    scene.bad.on_request = forget
    assert await scene.outcome(accept, 0) == OK
    event = await note("trouble")
    assert event.id in {each["id"] for each in scene.bad.events}
    assert await scene.relays.fetch(scene.bad.address, [{"ids": [event.id]}]) == ()


async def test_closed_in_mid_flight(scene: Scene):
    """It is sent again on a new connection once, then it is ConnectionLost, with no wait for an OK."""

    async def hang_up(socket: Any, event: dict[str, Any]) -> None:
        await socket.close()

    assert isinstance(await scene.outcome(hang_up, 0), ConnectionLost)
    assert [event["content"] for event in scene.bad.events] == ["before", "trouble", "trouble", "after"]


async def test_cut_off_in_mid_flight(scene: Scene):
    """A connection that breaks without goodbye, once: the event arrives over the next."""

    async def break_once(socket: Any, event: dict[str, Any]) -> None:
        scene.bad.on_event = accept
        socket.transport.abort()

    assert await scene.outcome(break_once, 0) == OK
    assert scene.bad.connections == 2


GARBAGE = (
    "",
    "{",
    "null",
    "[]",
    '["OK"]',
    '["OK",1,true,""]',
    '["OK","abc","true",""]',
    '["EVENT","x",{"id":1}]',
    '["AUTH",null]',
    '["NOTICE",{"a":1}]',
    '["' + "[" * 5_000,
    "\x00\ufffe",
    b"\xff\xfe\x00",
)


async def test_garbage_and_an_ok(scene: Scene):
    """What cannot be read is passed over; the OK in the middle of it counts."""

    async def rave(socket: Any, event: dict[str, Any]) -> None:
        for frame in GARBAGE:
            await socket.send(frame)
        await accept(socket, event)
        for frame in GARBAGE:
            await socket.send(frame)

    assert await scene.outcome(rave, 0) == OK
    assert scene.bad.connections == 1


async def test_garbage_alone(scene: Scene):
    """It is no answer: TimedOut at the limit."""

    async def rave(socket: Any, event: dict[str, Any]) -> None:
        for frame in GARBAGE:
            await socket.send(frame)

    assert isinstance(await scene.outcome(rave, OK_TIMEOUT_S), TimedOut)


def has_come(server: RelayServer, count: int) -> bool:
    """Whether so many events were sent to it."""
    return len(server.events) == count


def answer_after(scene: Scene, seconds: float) -> Answer:
    """Answer each event so late, whatever else comes meanwhile."""

    async def answer(socket: Any, event: dict[str, Any]) -> None:
        at_s = scene.clock.monotonic_s() + seconds

        async def wait() -> None:
            await scene.clock.sleep_until(at_s)
            if socket.close_code is None:
                await accept(socket, event)

        scene.later.append(asyncio.create_task(wait()))

    return answer


async def test_ten_seconds_of_latency(scene: Scene):
    """It costs its ten seconds for each window of events, not for each event."""
    scene.bad.on_event = answer_after(scene, LATENCY_S)
    events = [await note(f"slow {number}") for number in range(MAX_IN_FLIGHT + 10)]
    began_s = scene.clock.monotonic_s()
    slow = asyncio.gather(*(scene.relays.publish(scene.bad.address, event) for event in events))
    for sent in (1, 1 + MAX_IN_FLIGHT, len(events)):
        await scene.until(partial(has_come, scene.bad, sent))
        assert await scene.relays.publish(scene.good.address, await note(f"quick {sent}")) == OK
        await scene.clock.advance(LATENCY_S)
    assert await slow == [OK] * len(events)
    assert scene.clock.monotonic_s() - began_s == 3 * LATENCY_S
    assert scene.bad.connections == 1


async def test_an_ok_that_comes_after_the_limit(scene: Scene):
    """It finds nobody: the event has failed, and its next attempt is answered by its own OK."""
    assert isinstance(await scene.outcome(answer_after(scene, OK_TIMEOUT_S + 1), OK_TIMEOUT_S), TimedOut)
    await scene.clock.advance(1)
    assert await scene.relays.publish(scene.bad.address, await note("trouble")) == OK
    assert [event["content"] for event in scene.bad.events] == ["before", "trouble", "after", "trouble"]
