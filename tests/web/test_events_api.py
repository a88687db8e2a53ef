"""Server-sent events: live calls and threads, as they change."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from aiohttp import ClientResponse

from agentvoice.core.call import EndReason
from agentvoice.errors import StorageUnavailable
from agentvoice.protocols.documents import CallSummary
from agentvoice.services.live_feed import LOOK_S, MAX_WATCHERS, Change
from agentvoice.web.events_api import FIRST_LOOK_S, HEARTBEAT_S, encode_change
from tests.services.press import CALL_ID
from tests.web.api_scene import Scene


async def next_event(stream: ClientResponse) -> tuple[str, dict]:
    """The next event of a stream, its name and document."""
    async with asyncio.timeout(20):
        name = (await stream.content.readline()).decode().strip()
        data = (await stream.content.readline()).decode().strip()
        await stream.content.readline()
    return name.removeprefix("event: "), msgspec.json.decode(data.removeprefix("data: "))


async def until_looked(scene: Scene) -> None:
    """What is there already has been seen."""
    async with asyncio.timeout(20):
        while scene.desks.feed._seen is None:
            await scene.house.settle()


async def after_a_look(scene: Scene, stream: ClientResponse) -> tuple[str, dict]:
    """The next event, time moved on until there is one."""
    event = asyncio.ensure_future(next_event(stream))
    async with asyncio.timeout(20):
        while not event.done():
            await scene.house.settle()
            await scene.house.clock.advance(LOOK_S)
    return await event


async def test_a_call_is_told_from_its_begin_to_its_end(call_scene: Scene):
    """Who comes during a call is told of it first; then each state, and the end with its reason."""
    call = await call_scene.house.live_call()
    (live,) = call_scene.house.manager.live_calls
    async with call_scene.client.get("/api/v1/events") as stream:
        assert (stream.content_type, stream.headers["Cache-Control"]) == ("text/event-stream", "no-cache")
        name, summary = await next_event(stream)
        assert (name, summary["id"], summary["state"]) == ("call", live, "live")
        call_scene.house.manager.end(live, EndReason.OPERATOR)
        while summary["state"] != "ended":
            name, summary = await after_a_look(call_scene, stream)
            assert (name, summary["id"]) == ("call", live)
        assert summary["end_reason"] == "operator"
    await call


async def test_a_thread_is_told_as_it_gets_on(scene: Scene):
    """What is there already is no news; a change is."""
    scene.press.finish_call()
    async with scene.client.get("/api/v1/events") as stream:
        await until_looked(scene)
        await scene.press.publisher().prepare(CALL_ID)
        name, summary = await after_a_look(scene, stream)
        assert (name, summary["call"], summary["relays"]) == ("publication", CALL_ID, 1)


async def test_a_quiet_stream_says_that_it_lives(scene: Scene):
    """A comment, which clients ignore, keeps proxies from cutting it."""
    async with scene.client.get("/api/v1/events") as stream:
        await scene.house.clock.advance(HEARTBEAT_S)
        async with asyncio.timeout(20):
            assert (await stream.content.readline()).startswith(b":")


async def test_too_many_watchers_are_refused(scene: Scene):
    """Their number is bounded; a stream that ends makes room."""
    watchers = [scene.desks.feed.watch() for _ in range(MAX_WATCHERS)]
    status, failure = await scene.ask("GET", "/events")
    assert (status, failure["exit_code"]) == (403, 4)
    watchers[0].leave()
    async with scene.client.get("/api/v1/events") as stream:
        assert stream.status == 200


async def test_streams_end_when_the_server_stops(scene: Scene):
    """Nobody waits for those who watch."""
    async with scene.client.get("/api/v1/events") as stream:
        scene.desks.feed.close()
        async with asyncio.timeout(20):
            assert b"event" not in await stream.content.read()


async def test_a_stream_begins_once_the_database_was_looked_at(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """503 while it cannot be: whoever reads the lists when the stream has begun must miss nothing."""

    def broken() -> None:
        raise StorageUnavailable("database: the disk is failing")

    with monkeypatch.context() as patch:
        patch.setattr(scene.desks.feed, "_look", broken)
        asked = asyncio.ensure_future(scene.ask("GET", "/events"))
        async with asyncio.timeout(20):
            while not asked.done():
                await scene.house.settle()
                await scene.house.clock.advance(FIRST_LOOK_S)
    status, failure = await asked
    assert (status, failure["exit_code"]) == (503, 1)
    assert "ask again" in failure["error"]
    async with scene.client.get("/api/v1/events"):
        assert scene.desks.feed.has_looked


def test_lost_changes_are_told_as_such():
    """A client that was too slow reads the lists again."""
    assert encode_change(Change(None)) == b"event: lost\ndata: {}\n\n"


async def test_a_client_that_takes_nothing_is_cut_off(scene: Scene):
    """Its place is another's after half a minute, however long it stays connected."""
    feed, address = scene.desks.feed, (scene.client.host, scene.client.port)
    _, writer = await asyncio.open_connection(*address)  # what comes is never read
    writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    async with asyncio.timeout(20):
        while not feed._watchers:
            await scene.house.settle()
        (watcher,) = feed._watchers
        long = CallSummary("0" * 32, "live", None, "p" * 500_000, "ada", "page", "local", None, None, "none")
        while feed._watchers:
            watcher.tell(long)
            await scene.house.clock.advance(1)
    writer.close()
