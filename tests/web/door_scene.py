"""The API behind its door, as clients from elsewhere meet it: through a proxy that is trusted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, DummyCookieJar
from aiohttp.test_utils import TestClient, TestServer

from agentvoice.adapters.signer import KeySigner
from agentvoice.config import HttpSettings, SignInSettings
from agentvoice.core.call import CallState
from agentvoice.core.client import Scope
from agentvoice.core.event import UnsignedEvent
from agentvoice.core.ids import RANDOM_BYTES as ID_BYTES
from agentvoice.core.ids import build_uuid7
from agentvoice.core.token import RANDOM_BYTES, build_token, token_id
from agentvoice.storage import conversations, tokens
from agentvoice.web.app import build_public_app
from agentvoice.web.door import build_door
from tests.storage.values import call, item
from tests.web.api_scene import API, Scene, open_scene

JSON = {"Content-Type": "application/json"}
SITE = "https://calls.example"
FAR = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "calls.example",
}
"""What the proxy says of a browser that shows the page at SITE."""

ADMIN = KeySigner.generate()
SETTINGS = HttpSettings(
    allowed_hosts=("calls.example",),
    allowed_origins=("https://desk.example",),
    trusted_proxies=("127.0.0.1",),
    sign_in=SignInSettings(admin_npubs=(ADMIN.npub,), wrong_tokens_per_minute=3),
)


class DoorScene:
    """A client of the API behind its door."""

    def __init__(self, scene: Scene, client: TestClient[Any, Any]) -> None:
        self.scene = scene
        self.clock = scene.house.clock
        self.client = client
        self._calls = count()
        self.site = f"http://{client.host}:{client.port}"

    def new_token(self, scope: Scope = Scope.CALL, *, minutes: int = 0) -> str:
        token, now = build_token(self.clock.random_bytes(RANDOM_BYTES)), self.clock.utc_ms()
        with self.scene.house.database.writing() as session:
            tokens.add_token(
                session, token, scope.value, scope, now, now + minutes * 60_000 if minutes else 0
            )
        return token

    def revoke(self, token: str) -> None:
        with self.scene.house.database.writing() as session:
            tokens.revoke_token(session, token_id(token), self.clock.utc_ms())

    def caller_of(self, token: str) -> str:
        """Whose calls a token's are."""
        return f"token {token_id(token)}"

    def store_call(self, caller: str, *, state: CallState = CallState.LIVE, words: str = "") -> str:
        """A call that this caller made, newer than those before, in which these words were said; returns its id."""
        id = build_uuid7(self.clock.utc_ms() + next(self._calls), self.clock.random_bytes(ID_BYTES))
        with self.scene.house.database.writing() as session:
            conversations.create_call(session, call(id=id, project="home", caller=caller, state=state))
            said = item(1, id=id, text=words)
            conversations.upsert_item(session, id, said)
        return id

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> ClientResponse:
        """A request of a program on this machine, with these headers (`_` for `-`)."""
        words = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if method == "GET" else json.dumps({} if body is None else body)
        return await self.client.request(method, API + path, data=data, headers={**JSON, **words})

    async def far(self, method: str, path: str, body: object = None, **headers: str) -> ClientResponse:
        """A request of a browser elsewhere that shows the page."""
        origin = {} if method == "GET" else {"Origin": SITE}
        return await self.ask(method, path, body, **{**FAR, **origin, **headers})

    async def proof(self, url: str, signer: KeySigner = ADMIN, *more: tuple[str, ...]) -> dict[str, Any]:
        """A NIP-98 event about a POST to `url`, as JSON."""
        seconds = self.clock.utc_ms() // 1_000
        tags = (("u", url), ("method", "POST"), *more)
        event = await signer.sign(UnsignedEvent(signer.pubkey, seconds, 27_235, tags, ""))
        return {name: getattr(event, name) for name in event.__slots__}


@asynccontextmanager
async def open_door(
    folder: Path, settings: HttpSettings = SETTINGS, **changed: Any
) -> AsyncIterator[DoorScene]:
    """The API with the house's database, and a client without a cookie jar."""
    settings = replace(settings, **changed)
    async with open_scene(folder, of_house=True) as scene:
        door = build_door(scene.house.database, scene.house.clock, settings)
        app = build_public_app(scene.house.manager, str, lambda: (b"", ""), settings, scene.desks, door)
        async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:
            yield DoorScene(scene, client)
