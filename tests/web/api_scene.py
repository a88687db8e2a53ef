"""The API as its clients meet it: a house for calls, a press for threads, the whole API over a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from agentvoice.adapters.key_files import KeyFiles
from agentvoice.config import HttpSettings
from agentvoice.web.app import build_public_app
from agentvoice.web.desks import Desks, build_desks
from agentvoice.web.door import build_door
from tests.services.conftest import House
from tests.services.press import Press

API = "/api/v1"
NO_CALL = "0" * 32


class Scene:
    """A client on this machine. Calls live in `house`; threads, agents and projects are those of `press`."""

    def __init__(self, house: House, press: Press, desks: Desks, woken: list[str]) -> None:
        self.house = house
        self.press = press
        self.desks = desks
        self.woken = woken
        self.client: TestClient[Any, Any]

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The status, and the document if there is one."""
        options: dict[str, Any] = {} if method == "GET" else {"json": {} if body is None else body}
        answer = await self.client.request(method, API + path, **options)
        return answer.status, await answer.json() if answer.status != 204 else None

    async def get(self, path: str) -> Any:
        """The document of an address that has one."""
        status, document = await self.ask("GET", path)
        assert status == 200, document
        return document


@asynccontextmanager
async def open_scene(folder: Path, *, of_house: bool = False) -> AsyncIterator[Scene]:
    """The API over the press's database, or the house's."""
    for name in ("house", "press"):
        (folder / name).mkdir()
    house, press = House(folder / "house"), Press(folder / "press", "wss://relay.example")
    woken: list[str] = []
    desks = build_desks(
        house.database if of_house else press.database,
        house.clock,
        KeyFiles(folder / "press" / "keys"),
        str,
        1,
        lambda: woken.append("publisher"),
        press.publisher(),
    )
    settings = HttpSettings()
    door = build_door(desks.database, house.clock, settings)
    app = build_public_app(house.manager, str, lambda: (b"", "text/plain"), settings, desks, door)
    scene = Scene(house, press, desks, woken)
    async with TestClient(TestServer(app)) as scene.client:
        yield scene
        desks.feed.close()
        await press.close()
        await house.close()
