"""Who comes in at the door: by a token, by a cookie, from this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentvoice.core.client import Scope
from agentvoice.web.door import COOKIE
from tests.web.door_scene import SITE, DoorScene, open_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[DoorScene]:
    async with open_door(tmp_path) as opened:
        yield opened


async def test_without_a_token_this_machine_is_let_in(door: DoorScene):
    """And nobody else; once one is made, this machine shows it too."""
    assert (await door.ask("GET", "/me")).status == 200
    assert (await door.far("GET", "/me")).status == 401
    token = door.new_token()
    assert (await door.ask("GET", "/me")).status == 401
    mine = await door.ask("GET", "/me", Authorization=f"Bearer {token}")
    assert await mine.json() == {"scopes": ["call"], "name": "call", "npub": None}


async def test_a_token_that_was_the_last_does_not_open_the_door(door: DoorScene):
    """Revoked or expired, it still was made."""
    expired = door.new_token(minutes=1)
    door.revoke(door.new_token())
    await door.clock.advance(61)
    assert (await door.ask("GET", "/me")).status == 401
    answer = await door.ask("GET", "/me", Authorization=f"Bearer {expired}")
    assert (answer.status, "expired since" in await answer.text()) == (401, True)


async def test_a_revoked_token_lets_nobody_in_from_then_on(door: DoorScene):
    """Neither itself nor the browser that signed in by it."""
    token = door.new_token(Scope.ADMIN)
    signed_in = await door.far("POST", "/sign-in", {"token": token})
    cookie = f"{COOKIE}={signed_in.cookies[COOKIE].value}"
    assert (await door.far("GET", "/calls", Cookie=cookie)).status == 200
    door.revoke(token)
    assert (await door.far("GET", "/calls", Cookie=cookie)).status == 401
    assert (await door.far("GET", "/calls", Authorization=f"Bearer {token}")).status == 401


async def test_a_cookie_changes_nothing_without_our_origin(door: DoorScene):
    """Reading needs none; a command or a socket without one, as no browser sends it, is refused."""
    signed_in = await door.far("POST", "/sign-in", {"token": door.new_token(Scope.ADMIN)})
    cookie = f"{COOKIE}={signed_in.cookies[COOKIE].value}"
    end = f"/calls/{'0' * 32}/end"
    assert (await door.far("POST", end, Cookie=cookie)).status == 404
    refused = await door.ask("POST", end, Cookie=cookie)
    assert (refused.status, "Origin: got none with a cookie" in await refused.text()) == (403, True)
    assert (await door.far("POST", end, Cookie=cookie, Origin="https://desk.example")).status == 404
    assert (await door.far("POST", end, Cookie=cookie, Origin="http://calls.example")).status == 403


async def test_too_many_wrong_tokens_are_not_heard(door: DoorScene):
    """Nor is a right one, until a while later; the next client is not kept waiting."""
    token = door.new_token()
    wrong = f"Bearer {token[:-2]}AA"
    statuses = [(await door.far("GET", "/me", Authorization=wrong)).status for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    assert (await door.far("POST", "/sign-in", {"token": token})).status == 429
    right = {"Authorization": f"Bearer {token}"}
    refused = await door.far("GET", "/me", **right)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "20")
    assert (await door.far("GET", "/me", X_Forwarded_For="203.0.113.10", **right)).status == 200
    await door.clock.advance(20)
    assert (await door.far("GET", "/me", **right)).status == 200


async def test_a_token_that_is_over_is_not_counted(door: DoorScene):
    """A forgotten script does not lock its machine out."""
    token = door.new_token()
    door.revoke(token)
    for _ in range(6):
        assert (await door.far("GET", "/me", Authorization=f"Bearer {token}")).status == 401


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "Bearer av_", "bearer \u00fc"])
async def test_what_is_no_token_lets_nobody_in(door: DoorScene, header: str):
    """One clear error, from this machine too."""
    answer = await door.ask("GET", "/me", Authorization=header)
    assert answer.status in (400, 401)
    assert "got" in await answer.text() or "no token" in await answer.text()


async def test_a_cookie_that_is_over_is_as_none(door: DoorScene):
    """On an open door this machine is still let in."""
    assert (await door.ask("GET", "/me", Cookie=f"{COOKIE}=av_x")).status == 200
    assert (await door.far("GET", "/me", Cookie=f"{COOKIE}=av_x")).status == 401


async def test_the_page_is_shown_to_whoever_may_sign_in(door: DoorScene):
    """The page and its files ask nobody who they are, not even with a wrong token."""
    door.new_token()
    answer = await door.client.get("/", headers={"Authorization": "Bearer wrong", "Origin": SITE})
    assert answer.status == 200
