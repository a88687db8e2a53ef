"""Every route of the TCP face, and what each kind of client is answered there.

A route that is added without a row here fails; so does a row without a route.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError, web

from agentvoice.core.client import Scope
from agentvoice.web.door import COOKIE
from agentvoice.web.endpoint import API
from tests.web.door_scene import FAR, JSON, SETTINGS, SITE, DoorScene, open_door
from tests.web.test_app import routes

IN = 0
"""It reaches the handler, whatever that answers."""
REFUSALS = (401, 403, 429)

CLIENTS = ("no token", "wrong", "expired", "revoked", "call scope", "admin scope", "foreign origin")
"""The last is an admin's, from a page of another site."""

Answers = tuple[int, int, int, int, int, int, int]

ANYBODY: Answers = (IN, IN, IN, IN, IN, IN, IN)
AT_THE_DOOR: Answers = (IN, 401, 401, 401, IN, IN, 403)
CALLERS_READ: Answers = (401, 401, 401, 401, IN, IN, IN)
CALLERS_CALL: Answers = (401, 401, 401, 401, IN, IN, 403)
ADMINS_READ: Answers = (401, 401, 401, 401, 403, IN, IN)
ADMINS_CHANGE: Answers = (401, 401, 401, 401, 403, IN, 403)

MATRIX: Mapping[tuple[str, str], Answers] = {
    ("GET", "/"): ANYBODY,
    ("GET", "/static/{name}"): ANYBODY,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/metrics"): ANYBODY,
    ("GET", "/call"): CALLERS_CALL,
    ("POST", f"{API}/sign-in"): AT_THE_DOOR,
    ("POST", f"{API}/sign-out"): AT_THE_DOOR,
    ("GET", f"{API}/me"): CALLERS_READ,
    ("GET", f"{API}/openapi.json"): CALLERS_READ,
    ("GET", f"{API}/projects"): CALLERS_READ,
    ("GET", f"{API}/agents"): CALLERS_READ,
    ("POST", f"{API}/agents"): ADMINS_CHANGE,
    ("GET", f"{API}/agents/{{slug}}"): ADMINS_READ,
    ("PUT", f"{API}/agents/{{slug}}"): ADMINS_CHANGE,
    ("GET", f"{API}/agents/{{slug}}/history"): ADMINS_READ,
    ("POST", f"{API}/agents/{{slug}}/enable"): ADMINS_CHANGE,
    ("POST", f"{API}/agents/{{slug}}/disable"): ADMINS_CHANGE,
    ("GET", f"{API}/calls"): ADMINS_READ,
    ("GET", f"{API}/calls/{{call}}"): ADMINS_READ,
    ("POST", f"{API}/calls/{{call}}/switch"): ADMINS_CHANGE,
    ("POST", f"{API}/calls/{{call}}/end"): ADMINS_CHANGE,
    ("POST", f"{API}/calls/{{call}}/do-not-publish"): ADMINS_CHANGE,
    ("GET", f"{API}/publications"): ADMINS_READ,
    ("GET", f"{API}/publications/{{call}}"): ADMINS_READ,
    ("POST", f"{API}/publications/{{call}}/retry"): ADMINS_CHANGE,
    ("POST", f"{API}/publications/{{call}}/drop"): ADMINS_CHANGE,
    ("POST", f"{API}/publications/{{call}}/approve"): ADMINS_CHANGE,
    ("POST", f"{API}/publications/{{call}}/reject"): ADMINS_CHANGE,
    ("PUT", f"{API}/publications/{{call}}/turns/{{turn}}"): ADMINS_CHANGE,
    ("GET", f"{API}/usage"): ADMINS_READ,
    ("GET", f"{API}/events"): ADMINS_READ,
}

MANY = replace(SETTINGS, sign_in=replace(SETTINGS.sign_in, wrong_tokens_per_minute=1_000))


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[DoorScene]:
    async with open_door(tmp_path, MANY) as opened:
        yield opened


async def test_every_route_has_its_row(door: DoorScene):
    """No route is served whose answers nobody has thought about."""
    app = door.client.server.app  # type: ignore[attr-defined] # a TestServer has one
    assert isinstance(app, web.Application)
    assert routes(app) == set(MATRIX)


@pytest.mark.parametrize("route", MATRIX, ids=" ".join)
async def test_each_client_gets_its_answer(door: DoorScene, route: tuple[str, str]):
    """From elsewhere and from this machine alike: here too a token is wanted once one was made."""
    method, path = route
    path = path.format(slug="ada", call="0" * 32, turn="1", name="index.html")
    shown = shown_by_clients(door)
    for place, origin in ((FAR, SITE), ({}, door.site)):
        got = {
            client: await ask(door, method, path, {**place, "Origin": origin, **headers})
            for client, headers in shown.items()
        }
        assert got == dict(zip(CLIENTS, MATRIX[route], strict=True)), place


@pytest.mark.parametrize("route", MATRIX, ids=" ".join)
async def test_a_cookie_is_worth_what_its_token_is(door: DoorScene, route: tuple[str, str]):
    """A browser that signed in gets the answers of the token that it signed in by."""
    method, path = route
    path = path.format(slug="ada", call="0" * 32, turn="1", name="index.html")
    wanted = dict(zip(CLIENTS, MATRIX[route], strict=True))
    for scope in Scope:
        answer = await door.far("POST", "/sign-in", {"token": door.new_token(scope)})
        cookie = {**FAR, "Cookie": f"{COOKIE}={answer.cookies[COOKIE].value}"}
        assert await ask(door, method, path, {**cookie, "Origin": SITE}) == wanted[f"{scope} scope"]
    assert (
        await ask(door, method, path, {**cookie, "Origin": "https://evil.example"})
        == wanted["foreign origin"]
    )


def shown_by_clients(door: DoorScene) -> dict[str, dict[str, str]]:
    """The headers by which each kind of client is known."""
    admin, revoked = door.new_token(Scope.ADMIN), door.new_token(Scope.ADMIN)
    door.revoke(revoked)
    tokens = {
        "wrong": admin[:-2] + "AA",
        "expired": door.new_token(Scope.ADMIN, minutes=-1),
        "revoked": revoked,
        "call scope": door.new_token(Scope.CALL),
        "admin scope": admin,
        "foreign origin": admin,
    }
    shown = {client: {"Authorization": f"Bearer {token}"} for client, token in tokens.items()}
    shown["foreign origin"]["Origin"] = "https://evil.example"
    return {"no token": {}, **shown}


async def ask(door: DoorScene, method: str, path: str, headers: dict[str, str]) -> int:
    """The refusal, or IN."""
    if path == "/call":
        try:
            async with door.client.ws_connect(path, headers=headers):
                return IN
        except WSServerHandshakeError as refused:
            return refused.status
    data = None if method == "GET" else "{}"
    async with door.client.request(method, path, data=data, headers={**JSON, **headers}) as answer:
        assert answer.status < 500
        return answer.status if answer.status in REFUSALS else IN
