"""Every route of the TCP face, and what each kind of client is answered there.

A route that is added without a row here fails; so does a row without a route. Nor does a row help that
lets a client with scope `call` at somebody else's call, or shows it one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError, web

from agentvoice.core.call import CallState
from agentvoice.core.client import Scope
from agentvoice.web.door import COOKIE
from agentvoice.web.endpoint import API
from tests.web.api_scene import NO_CALL
from tests.web.door_scene import FAR, JSON, SETTINGS, SITE, DoorScene, open_door
from tests.web.test_app import routes

IN = 0
"""It reaches the handler, whatever that answers."""
REFUSALS = (401, 403, 429)

HIDDEN = 404
"""It is told that there is no such call, though there is."""

CLIENTS = (
    "no token",
    "wrong",
    "expired",
    "revoked",
    "call scope",
    "foreign call",
    "admin scope",
    "foreign origin",
)
"""`call scope` asks for a call that it made, `foreign call` has that scope and asks for one of somebody else.

The last is an admin's, from a page of another site.
"""

Answers = tuple[int, int, int, int, int, int, int, int]

ANYBODY: Answers = (IN, IN, IN, IN, IN, IN, IN, IN)
AT_THE_DOOR: Answers = (IN, 401, 401, 401, IN, IN, IN, 403)
CALLERS_READ: Answers = (401, 401, 401, 401, IN, IN, IN, IN)
CALLERS_CALL: Answers = (401, 401, 401, 401, IN, IN, IN, 403)
OWNERS_READ: Answers = (401, 401, 401, 401, IN, HIDDEN, IN, IN)
OWNERS_CHANGE: Answers = (401, 401, 401, 401, IN, HIDDEN, IN, 403)
ADMINS_READ: Answers = (401, 401, 401, 401, 403, 403, IN, IN)
ADMINS_CHANGE: Answers = (401, 401, 401, 401, 403, 403, IN, 403)

MATRIX: Mapping[tuple[str, str], Answers] = {
    ("GET", "/"): ANYBODY,
    ("GET", "/static/{name}"): ANYBODY,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/metrics"): ADMINS_READ,
    ("GET", "/call"): CALLERS_CALL,
    ("POST", f"{API}/sign-in"): AT_THE_DOOR,
    ("POST", f"{API}/sign-out"): AT_THE_DOOR,
    ("GET", f"{API}/me"): CALLERS_READ,
    ("GET", f"{API}/openapi.json"): CALLERS_READ,
    ("GET", f"{API}/projects"): CALLERS_READ,
    ("POST", f"{API}/projects"): ADMINS_CHANGE,
    ("GET", f"{API}/projects/{{slug}}"): ADMINS_READ,
    ("PATCH", f"{API}/projects/{{slug}}"): ADMINS_CHANGE,
    ("DELETE", f"{API}/projects/{{slug}}"): ADMINS_CHANGE,
    ("GET", f"{API}/agents"): CALLERS_READ,
    ("POST", f"{API}/agents"): ADMINS_CHANGE,
    ("GET", f"{API}/agents/{{slug}}"): ADMINS_READ,
    ("PUT", f"{API}/agents/{{slug}}"): ADMINS_CHANGE,
    ("DELETE", f"{API}/agents/{{slug}}"): ADMINS_CHANGE,
    ("GET", f"{API}/agents/{{slug}}/history"): ADMINS_READ,
    ("POST", f"{API}/agents/{{slug}}/enable"): ADMINS_CHANGE,
    ("POST", f"{API}/agents/{{slug}}/disable"): ADMINS_CHANGE,
    ("GET", f"{API}/calls"): CALLERS_READ,
    ("GET", f"{API}/calls/{{call}}"): OWNERS_READ,
    ("POST", f"{API}/calls/{{call}}/switch"): OWNERS_CHANGE,
    ("POST", f"{API}/calls/{{call}}/end"): OWNERS_CHANGE,
    ("POST", f"{API}/calls/{{call}}/do-not-publish"): OWNERS_CHANGE,
    ("GET", f"{API}/publications"): ADMINS_READ,
    ("GET", f"{API}/publications/{{call}}"): OWNERS_READ,
    ("POST", f"{API}/publications/{{call}}/retry"): ADMINS_CHANGE,
    ("POST", f"{API}/publications/{{call}}/resend"): ADMINS_CHANGE,
    ("POST", f"{API}/publications/{{call}}/unpublish"): ADMINS_CHANGE,
    ("POST", f"{API}/publications/{{call}}/drop"): ADMINS_CHANGE,
    ("POST", f"{API}/publications/{{call}}/approve"): ADMINS_CHANGE,
    ("POST", f"{API}/publications/{{call}}/reject"): ADMINS_CHANGE,
    ("PUT", f"{API}/publications/{{call}}/turns/{{turn}}"): ADMINS_CHANGE,
    ("GET", f"{API}/usage"): ADMINS_READ,
    ("GET", f"{API}/events"): CALLERS_READ,
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


def test_nobody_reaches_a_foreign_call():
    """Whatever names a call is refused to a client with scope `call` that did not make it."""
    of_calls = {route: answers for route, answers in MATRIX.items() if "{call}" in route[1]}
    asked = CLIENTS.index("foreign call")
    assert [route for route, answers in of_calls.items() if answers[asked] == IN] == []


@pytest.mark.parametrize("route", MATRIX, ids=" ".join)
async def test_each_client_gets_its_answer(door: DoorScene, route: tuple[str, str]):
    """From elsewhere and from this machine alike: here too a token is wanted once one was made."""
    shown = shown_by_clients(door)
    calls = calls_of(door, shown)
    for place, origin in ((FAR, SITE), ({}, door.site)):
        got = {
            client: await ask(door, route, {**place, "Origin": origin, **headers}, calls.get(client, NO_CALL))
            for client, headers in shown.items()
        }
        assert got == dict(zip(CLIENTS, MATRIX[route], strict=True)), place


@pytest.mark.parametrize("route", MATRIX, ids=" ".join)
async def test_a_cookie_is_worth_what_its_token_is(door: DoorScene, route: tuple[str, str]):
    """A browser that signed in gets the answers of the token that it signed in by."""
    wanted = dict(zip(CLIENTS, MATRIX[route], strict=True))
    for scope in Scope:
        token = door.new_token(scope)
        answer = await door.far("POST", "/sign-in", {"token": token})
        cookie = {**FAR, "Cookie": f"{COOKIE}={answer.cookies[COOKIE].value}"}
        own, foreign = door.store_call(door.caller_of(token)), door.store_call("local")
        from_site = {**cookie, "Origin": SITE}
        if scope is Scope.CALL:
            assert await ask(door, route, from_site, foreign) == wanted["foreign call"]
        call = own if scope is Scope.CALL else NO_CALL
        assert await ask(door, route, from_site, call) == wanted[f"{scope} scope"]
    from_elsewhere = {**cookie, "Origin": "https://evil.example"}
    assert await ask(door, route, from_elsewhere, NO_CALL) == wanted["foreign origin"]


READS = [
    route
    for route, answers in MATRIX.items()
    if route[0] == "GET" and answers[CLIENTS.index("call scope")] == IN
]


@pytest.mark.parametrize("route", READS, ids=" ".join)
@pytest.mark.parametrize("name", ["call", "last"])
async def test_nothing_that_is_read_shows_a_foreign_call(door: DoorScene, route: tuple[str, str], name: str):
    """Neither its id nor a word of it is in any answer, though it is the newest, and open."""
    token = door.new_token()
    own = door.store_call(door.caller_of(token), words="My own secret.")
    door.store_call("npub1maia", state=CallState.ENDED, words="An albatross.")
    foreign = door.store_call("npub1maia", words="A heron.")
    shown = {**FAR, **JSON, "Authorization": f"Bearer {token}"}
    if route[1] == "/call":
        return  # a socket tells of the call that is begun on it alone
    said = b""
    async with door.client.get(address_of(route, own if name == "call" else name), headers=shown) as answer:
        while piece := await answer.content.readany():
            said += piece
            if route[1].endswith("/events") and own.encode() in said:
                break  # it has no end; the newest open call would have come first
    assert (own.encode() in said) == (
        "/calls" in route[1] or "/publications" in route[1] or "/events" in route[1]
    )
    for secret in (foreign, "heron", "albatross"):
        assert secret.encode() not in said


def calls_of(door: DoorScene, shown: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The calls that clients with scope `call` ask for; all others ask for one that is not there."""
    own = shown["call scope"]["Authorization"].removeprefix("Bearer ")
    return {"call scope": door.store_call(door.caller_of(own)), "foreign call": door.store_call("local")}


def shown_by_clients(door: DoorScene) -> dict[str, dict[str, str]]:
    """The headers by which each kind of client is known."""
    admin, revoked = door.new_token(Scope.ADMIN), door.new_token(Scope.ADMIN)
    door.revoke(revoked)
    tokens = {
        "wrong": admin[:-2] + "AA",
        "expired": door.new_token(Scope.ADMIN, minutes=-1),
        "revoked": revoked,
        "call scope": door.new_token(Scope.CALL),
        "foreign call": door.new_token(Scope.CALL),
        "admin scope": admin,
        "foreign origin": admin,
    }
    shown = {client: {"Authorization": f"Bearer {token}"} for client, token in tokens.items()}
    shown["foreign origin"]["Origin"] = "https://evil.example"
    return {"no token": {}, **shown}


def address_of(route: tuple[str, str], call: str) -> str:
    """The path of a route, for this call."""
    return route[1].format(slug="ada", call=call, turn="1", name="index.html")


async def ask(door: DoorScene, route: tuple[str, str], headers: dict[str, str], call: str) -> int:
    """The refusal, or IN."""
    method, path = route[0], address_of(route, call)
    if path == "/call":
        try:
            async with door.client.ws_connect(path, headers=headers):
                return IN
        except WSServerHandshakeError as refused:
            return refused.status
    data = None if method == "GET" else "{}"
    async with door.client.request(method, path, data=data, headers={**JSON, **headers}) as answer:
        assert answer.status < 500
        if call != NO_CALL and answer.status == HIDDEN and "no such call" in await answer.text():
            return HIDDEN
        return answer.status if answer.status in REFUSALS else IN
