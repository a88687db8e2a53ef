"""The daemon behind nginx and Caddy, as the how-to says: sign-in, the API, a call by wss with sound both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from agentvoice.core.client import Scope
from agentvoice.core.speech import AppendAudio, Respond
from agentvoice.web.door import COOKIE
from tests.fakes.certificates import Certificate, make_certificate
from tests.fakes.proxies import browser_to, caddy, documented, nginx
from tests.fakes.speech_session import sound
from tests.web.door_scene import SETTINGS, DoorScene, open_door

PATIENCE_S = 20.0


TRUSTED = ("127.0.0.1", "::1")
PROXIES = {"nginx": nginx, "caddy": caddy}
SAID = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "other.example", "X-Forwarded-Proto": "http"}
"""What a client may say of itself."""
both = pytest.mark.parametrize("proxy", PROXIES)


@asynccontextmanager
async def proxied(
    folder: Path, proxy: str, server: str = "", trusted: tuple[str, ...] = TRUSTED
) -> AsyncIterator[tuple[DoorScene, str, aiohttp.ClientSession]]:
    """The daemon, the page's address at the proxy before it, and a browser."""
    made: Certificate = make_certificate(folder, "calls.example", "other.example")
    settings = replace(SETTINGS, trusted_proxies=trusted, allowed_origins=())
    (folder / proxy).mkdir()
    async with (
        open_door(folder, settings) as door,
        PROXIES[proxy](folder / proxy, server or documented(proxy), made, door.site) as port,
        browser_to(f"https://calls.example:{port}", made) as browser,
    ):
        yield door, f"https://calls.example:{port}", browser


async def until(door: DoorScene, condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0)
            await door.clock.settle()


@both
async def test_a_call_through_a_proxy(tmp_path: Path, proxy: str):
    """The browser signs in, calls by wss, speaks and hears; what happens is told as it happens."""
    async with proxied(tmp_path, proxy) as (door, site, browser):
        house, own = door.scene.house, {"Origin": site}
        token = door.new_token(Scope.ADMIN)
        signed_in = await browser.post("/api/v1/sign-in", json={"token": token}, headers=own)
        assert signed_in.status == 200
        assert signed_in.cookies[COOKIE]["secure"]
        async with browser.ws_connect("/call", headers=own) as socket:
            await socket.send_str('{"type":"start","agent":"ada"}')
            await until(door, lambda: house.engine.sessions and house.session.told_of(Respond))
            await socket.send_bytes(sound(20).samples)
            await until(door, lambda: house.session.told_of(AppendAudio))
            house.session.emit_reply("r1", "Hello, Ada here.", 200)
            heard = 0
            async with asyncio.timeout(PATIENCE_S):
                while heard < 200 * 24 * 2:
                    message = await socket.receive()
                    heard += len(message.data) if message.type is aiohttp.WSMsgType.BINARY else 0
            async with browser.get("/api/v1/events") as events, asyncio.timeout(PATIENCE_S):
                assert await events.content.readline() == b"event: call\n"
            await socket.send_str('{"type":"hang_up"}')
            await until(door, lambda: not house.manager.live_calls)


@both
async def test_whoever_comes_through_a_proxy_is_no_owner(tmp_path: Path, proxy: str):
    """Though the proxy is on this machine, and no token was made; a name that is not ours is refused."""
    async with proxied(tmp_path, proxy) as (door, site, browser):
        assert (await door.ask("GET", "/me")).status == 200
        assert (await browser.get("/api/v1/me")).status == 401
        assert (await browser.get("/")).status == 200
        assert (await browser.get("/api/v1/me", headers=SAID)).status == 401
        assert (await browser.get("/", headers=SAID)).status == 200  # the proxy hands none of it on
        other = site.replace("calls.", "other.")
        assert (await browser.get(f"{other}/")).status == 403


@pytest.mark.parametrize("trusted", [(), ("127.0.0.1",)])
async def test_a_proxy_that_says_nothing_of_itself_is_no_owner(tmp_path: Path, trusted: tuple[str, ...]):
    """Nginx with `proxy_pass` alone asks for the Host 127.0.0.1, as a browser here would."""
    lines = documented("nginx").splitlines()
    said = ("proxy_set_header", "proxy_http_version")
    bare = "\n".join(line for line in lines if not line.strip().startswith(said)) + "\n"
    async with proxied(tmp_path, "nginx", bare, trusted) as (door, _, browser):
        assert (await door.ask("GET", "/me")).status == 200
        assert (await browser.get("/api/v1/me")).status == 401


@both
async def test_a_proxy_that_is_not_trusted_is_told_by_its_origin(tmp_path: Path, proxy: str):
    """The daemon knows no https of it: the page's Origin is not its own, and signing in is refused."""
    async with proxied(tmp_path, proxy, trusted=()) as (door, site, browser):
        body = {"token": door.new_token()}
        refused = await browser.post("/api/v1/sign-in", json=body, headers={"Origin": site})
        assert (refused.status, "Origin: got" in await refused.text()) == (403, True)
