"""Clients before a door that is open for a while, and the other process that changes who is let in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.client import Client, Pass, PassKind, Scope, scopes_of
from agentvoice.services.presence import LOOK_AGAIN_S
from agentvoice.storage import projects
from agentvoice.storage.database import Database
from agentvoice.web.door import COOKIE
from agentvoice.web.keys import PRESENCE
from tests.services.conftest import PROJECT
from tests.web.door_scene import FAR, SITE, DoorScene

Socket = aiohttp.ClientWebSocketResponse[bool]
LIMIT_S = 20.0
GUEST = KeySigner.generate()
OWN_PROJECT = replace(PROJECT, callers=(GUEST.pubkey,))
UNKNOWN = Client("unknown", scopes_of(Scope.ADMIN), came_by=Pass(PassKind.TOKEN, "0" * 12))


class Street:
    """Clients before a door, and the other process that changes who is let in."""

    def __init__(self, door: DoorScene, folder: Path) -> None:
        self.door = door
        self.house = door.scene.house
        self.presence = door.client.server.app[PRESENCE]  # type: ignore[attr-defined] # a TestServer has one
        self.other = Database.open(folder / "house" / "agentvoice.db")

    async def call(self, headers: dict[str, str], transport: str = "page") -> tuple[Socket, dict[str, Any]]:
        """A live call: its socket, and its `started`."""
        socket = await self.door.client.ws_connect("/call", headers=headers)
        before = len(self.house.engine.sessions)
        await socket.send_json({"type": "start", "agent": "ada", "transport": transport})
        started = json.loads((await socket.receive(LIMIT_S)).data)
        assert started["type"] == "started"
        await self.house.until(lambda: len(self.house.engine.sessions) > before)
        return socket, started

    async def cookie(self, body: dict[str, Any]) -> dict[str, str]:
        """A browser that signed in."""
        answer = await self.door.far("POST", "/sign-in", body)
        assert answer.status == 200, await answer.text()
        return {**FAR, "Origin": SITE, "Cookie": f"{COOKIE}={answer.cookies[COOKIE].value}"}

    async def guest(self) -> dict[str, str]:
        """A person who may call one project."""
        with self.other.writing() as session:
            projects.update_project(session, OWN_PROJECT, self.house.clock.utc_ms())
        return await self.cookie({"nostr": await self.door.proof(f"{SITE}/api/v1/sign-in", GUEST)})

    async def look(self, times: int = 1) -> None:
        """Looks at who is in, to their ends: somebody whom nobody knows is put out by each."""
        for _ in range(times):
            seen = asyncio.Event()
            stay = self.presence.enter(UNKNOWN, lambda found: bool(found.scopes), seen.set)
            await self.house.clock.advance(LOOK_AGAIN_S)
            async with asyncio.timeout(LIMIT_S):
                await seen.wait()
            stay.leave()
            await self.house.settle()

    async def end_of(self, read: Callable[[], Any]) -> Any:
        """What is read last, time moved on until it is there."""
        reading = asyncio.ensure_future(read())
        async with asyncio.timeout(LIMIT_S):
            while not reading.done():
                await self.house.settle()
                await self.house.clock.advance(1)
        return await reading


async def last_frame(socket: Socket) -> dict[str, Any]:
    """The last frame before the socket is closed."""
    last = ""
    over = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    async with asyncio.timeout(LIMIT_S):
        while (message := await socket.receive()).type not in over:
            last = message.data if message.type is aiohttp.WSMsgType.TEXT else last
    frame: dict[str, Any] = json.loads(last)
    return frame
