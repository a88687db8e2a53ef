"""A page's call over real sockets that are lost: held, resumed, and ended when nobody comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.call import EndReason, PublicationState
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.item import ItemKind
from agentvoice.core.speech import Respond
from agentvoice.protocols.callpage import MAX_FRAME_BYTES
from agentvoice.storage import preparations
from agentvoice.web.app import build_control_app
from agentvoice.web.call_socket import LATE_S
from agentvoice.web.keys import HELD
from tests.services.conftest import House

Socket = aiohttp.ClientWebSocketResponse[bool]
LIMIT_S = 20.0


class Page:
    """A page before a house; it may lose its sockets."""

    def __init__(self, house: House, path: Path) -> None:
        self.house = house
        self.path = path
        self.http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(path)))
        self.runner = web.AppRunner(
            build_control_app(house.manager, str), handle_signals=False, shutdown_timeout=0.1
        )

    async def open(self, **first: Any) -> Socket:
        """A socket with its first frame sent."""
        socket = await self.http.ws_connect("http://daemon/call")
        await socket.send_json(first)
        return socket

    async def start(self) -> tuple[Socket, str, str]:
        """A live call: its socket, id and key."""
        socket = await self.open(type="start", agent="ada")
        started = await self.frame(socket, "started")
        await self.until(lambda: self.house.engine.sessions and self.house.session.told_of(Respond))
        return socket, started["call"], started["key"]

    async def frame(self, socket: Socket, kind: str) -> dict[str, Any]:
        """The next frame of a kind; others are passed over."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                message = await socket.receive()
                assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
                if message.type is aiohttp.WSMsgType.TEXT:
                    frame: dict[str, Any] = json.loads(message.data)
                    if frame["type"] == kind:
                        return frame

    async def sound(self, socket: Socket, samples: int) -> bytes:
        """So many samples of sound, as they come."""
        heard = b""
        async with asyncio.timeout(LIMIT_S):
            while len(heard) < samples * 2:
                message = await socket.receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    heard += message.data
        return heard

    async def lose(self, socket: Socket) -> None:
        """The network is gone: no closing handshake."""
        connection = socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()

    async def until(self, is_so: Callable[[], object]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not is_so():
                await asyncio.sleep(0)
                await self.house.clock.settle()

    async def hold_begins(self, call: str) -> None:
        """The daemon has seen that the socket is lost, and waits."""
        await self.until(lambda: self.house.clock.next_timer_s is not None and self._is_detached(call))

    def _is_detached(self, call: str) -> bool:
        (held,) = self.runner.app[HELD]._held.values()
        return held.leg._line is None


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    house = House(tmp_path)
    built = Page(house, tmp_path / "agentvoice.sock")
    await built.runner.setup()
    await web.UnixSite(built.runner, str(built.path)).start()
    yield built
    await built.http.close()
    await house.close()
    await built.runner.cleanup()


async def test_a_lost_call_goes_on_where_it_was(page: Page):
    """Items, agent, status and publishing are shown again, unheard sound is sent again, the gap is an item."""
    socket, call, key = await page.start()
    session = page.house.session
    session.emit_reply("r1", "one two three four", 1_000)
    first = await page.sound(socket, 1_000 * 24)
    await socket.send_json({"type": "played", "samples": 400 * 24})
    await page.until(lambda: next(iter(page.runner.app[HELD]._held.values())).leg.heard_samples)
    await page.lose(socket)
    await page.hold_begins(call)
    await page.house.clock.advance(10)

    back = await page.open(type="resume", call=call, key=key, lost_ms=9_000)
    resumed = json.loads((await back.receive(timeout=LIMIT_S)).data)
    assert resumed == {"type": "resumed", "call": call, "played_samples": 400 * 24}
    again = [json.loads((await back.receive(timeout=LIMIT_S)).data)["type"] for _ in range(5)]
    assert again == ["item", "agent", "status", "publishing", "spent"]
    assert await page.sound(back, 600 * 24) == first[400 * 24 * 2 :]
    notice = await page.frame(back, "item")
    assert "The connection was lost for 10.0 s" in notice["item"]["text"]

    await back.send_json({"type": "played", "samples": 1_000 * 24})
    await back.send_json({"type": "hang_up"})
    ended = await ended_of(page, back)
    assert (ended["call"], ended["reason"]) == (call, "caller")
    items = page.house.items(call)
    assert [item.kind for item in items] == [ItemKind.MESSAGE, ItemKind.NOTICE]
    assert items[0].text == "one two three four"  # all of it was heard, before and after


async def ended_of(page: Page, socket: Socket) -> dict[str, Any]:
    """The last frame of a call; last words are waited for."""
    ended = asyncio.ensure_future(page.frame(socket, "ended"))
    async with asyncio.timeout(LIMIT_S):
        while not ended.done():
            await page.house.settle()
            await page.house.clock.advance(1)
    return await ended


async def test_nobody_comes_back(page: Page):
    """After 60 s the call ends as its caller's; its key opens nothing then."""
    socket, call, key = await page.start()
    await page.lose(socket)
    await page.hold_begins(call)
    await page.house.clock.advance(59)
    assert page.house.manager.live_calls == (call,)
    await page.house.clock.advance(1)
    await page.house.until(lambda: not page.house.manager.live_calls)
    assert page.house.call(call).end_reason is EndReason.CALLER
    refused = await page.frame(await page.open(type="resume", call=call, key=key), "refused")
    assert refused["exit_code"] == 3


async def test_hanging_up_and_closing_are_told_apart(page: Page):
    """A page that is closed without `hang_up` may be reloaded: its call is held too."""
    socket, call, key = await page.start()
    await socket.close()
    await page.hold_begins(call)
    back = await page.open(type="resume", call=call, key=key)
    await page.frame(back, "resumed")
    await back.send_json({"type": "hang_up"})
    assert (await ended_of(page, back))["reason"] == "caller"


async def test_a_frame_that_is_too_large_costs_the_socket_alone(page: Page):
    """It is not read to its end; the call is held like that of any lost socket."""
    socket, call, key = await page.start()
    await socket.send_bytes(bytes(MAX_FRAME_BYTES + 2))
    async with asyncio.timeout(LIMIT_S):
        while not socket.closed:
            await socket.receive()
    assert socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    await page.hold_begins(call)
    back = await page.open(type="resume", call=call, key=key)
    await page.frame(back, "resumed")
    await page.lose(back)


async def test_a_second_socket_takes_the_call_over(page: Page):
    """The first is not known to be lost, as when a network changes: it is broken off."""
    socket, call, key = await page.start()
    back = await page.open(type="resume", call=call, key=key)
    await page.frame(back, "resumed")
    async with asyncio.timeout(LIMIT_S):
        while not socket.closed:
            await socket.receive()
    await back.send_json({"type": "hang_up"})
    assert (await ended_of(page, back))["call"] == call


@pytest.mark.parametrize("key", ["", "0" * 32])
async def test_another_key_opens_nothing(page: Page, key: str):
    """The call goes on with its caller, and the stranger is told no more than that."""
    socket, call, _ = await page.start()
    refused = await page.frame(await page.open(type="resume", call=call, key=key), "refused")
    assert "not held here, or has another key" in refused["message"]
    assert page.house.manager.live_calls == (call,)
    await page.lose(socket)


async def test_a_terminal_is_not_held(page: Page):
    """It gets no key, and its call ends with its socket."""
    socket = await page.open(type="start", agent="ada", transport="device")
    assert (await page.frame(socket, "started"))["key"] == ""
    await page.until(lambda: page.house.engine.sessions)
    await page.lose(socket)
    await page.house.until(lambda: not page.house.manager.live_calls)


@pytest.mark.parametrize(
    "late", [{"type": "do_not_publish"}, {"type": "text", "text": "Please don't publish this."}]
)
async def test_a_wish_after_hanging_up_is_obeyed(page: Page, late: dict[str, str]):
    """The call is shown until it has closed: pressed or typed then, the wish still holds."""
    socket, call, _ = await page.start()
    page.house.session.emit_turn("u1", "Hello")
    await page.frame(socket, "item")
    await socket.send_json({"type": "hang_up"})
    await socket.send_json(late)
    await ended_of(page, socket)
    stored = page.house.call(call)
    assert (stored.do_not_publish, stored.publication) == (True, PublicationState.NONE)


async def test_a_wish_that_was_under_way_when_the_call_ended_is_obeyed(page: Page):
    """The end and the press crossed: nothing is signed yet, so the wish holds."""
    socket, call, _ = await page.start()
    page.house.session.emit_turn("u1", "Hello")
    await page.frame(socket, "item")
    page.house.manager.end(call)
    await page.frame(socket, "ended")
    assert page.house.call(call).publication is PublicationState.QUEUED
    await socket.send_json({"type": "played", "samples": 0})
    await socket.send_json({"type": "do_not_publish"})
    await page.until(lambda: page.house.call(call).do_not_publish)
    assert page.house.call(call).publication is PublicationState.NONE


async def test_a_wish_that_comes_after_the_signature_is_told_so(page: Page):
    """What is signed cannot be held back: the caller is not left in the belief that it was."""
    socket, call, _ = await page.start()
    page.house.session.emit_turn("u1", "Hello")
    await page.frame(socket, "item")
    page.house.manager.end(call)
    await page.frame(socket, "ended")
    with page.house.database.writing() as session:
        assert preparations.store_thread(session, call, [await signed()], ("embedded",), 1)
    await socket.send_json({"type": "do_not_publish"})
    refused = await page.frame(socket, "refused")
    assert "its thread is signed" in refused["message"]


async def test_nobody_is_listened_to_for_long_after_the_end(page: Page):
    """A client that does not close its socket is closed."""
    socket, call, _ = await page.start()
    page.house.manager.end(call)
    await page.frame(socket, "ended")
    closed = asyncio.ensure_future(socket.receive())
    await page.until(lambda: page.house.clock.next_timer_s is not None)
    await page.house.clock.advance(LATE_S)
    async with asyncio.timeout(LIMIT_S):
        assert (await closed).type is aiohttp.WSMsgType.CLOSE


async def signed() -> SignedEvent:
    """An event of a thread."""
    signer = KeySigner.generate()
    return await signer.sign(UnsignedEvent(signer.pubkey, 1, 1, (), "Hello"))
