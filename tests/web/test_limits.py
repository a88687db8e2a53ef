"""How much one client may ask."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSServerHandshakeError

from agentvoice.core.client import Scope
from tests.web.door_scene import FAR, SITE, DoorScene, open_door

OTHER = "203.0.113.10"


async def status(door: DoorScene, **headers: str) -> int:
    return (await door.far("GET", "/me", **headers)).status


async def test_so_many_requests_in_a_minute(tmp_path: Path):
    """Then it is told when to come again; others, and this machine, are not kept waiting."""
    async with open_door(tmp_path, requests_per_minute=3) as door:
        assert [await status(door) for _ in range(4)] == [401, 401, 401, 429]
        refused = await door.far("GET", "/me")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "20")
        assert (await refused.json())["error"] == "requests: too many in a minute, come again in 20 s"
        assert await status(door, X_Forwarded_For=OTHER) == 401
        assert [(await door.ask("GET", "/me")).status for _ in range(5)] == [200] * 5
        await door.clock.advance(20)
        assert await status(door) == 401


async def test_the_page_counts_too(tmp_path: Path):
    """Whatever is asked is a request."""
    async with open_door(tmp_path, requests_per_minute=1) as door:
        assert [(await door.client.get("/", headers=FAR)).status for _ in range(2)] == [200, 429]


async def test_so_many_open_at_the_same_time(tmp_path: Path):
    """Sockets that wait for their call are open requests; when one is closed there is room again."""
    async with open_door(tmp_path, requests_at_once=2) as door:
        token = door.new_token(Scope.CALL)
        headers = {**FAR, "Origin": SITE, "Authorization": f"Bearer {token}"}
        first = await door.client.ws_connect("/call", headers=headers)
        second = await door.client.ws_connect("/call", headers=headers)
        with pytest.raises(WSServerHandshakeError) as refused:
            await door.client.ws_connect("/call", headers=headers)
        assert refused.value.status == await status(door) == 429
        assert await status(door, X_Forwarded_For=OTHER) == 401
        await first.send_str("junk")  # it is refused, and the daemon closes it
        while (await first.receive()).type is not aiohttp.WSMsgType.CLOSED:
            pass
        assert await status(door) == 401
        await second.close()
