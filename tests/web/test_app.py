"""The two applications: what is reachable where, and how our errors are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from agentvoice.config import HttpSettings
from agentvoice.errors import (
    AgentVoiceError,
    CallError,
    CallLimitReached,
    NotFound,
    OutOfDate,
    Refused,
    SignInWanted,
    StorageBusy,
    TimedOut,
    TooManyRequests,
    UsageError,
)
from agentvoice.protocols import admin
from agentvoice.services.call_manager import CallManager
from agentvoice.web.api import DOOR_ENDPOINTS, ENDPOINTS, LIVE_ENDPOINTS
from agentvoice.web.app import build_control_app, build_public_app
from agentvoice.web.door import build_door
from agentvoice.web.keys import CALLS, DOOR
from tests.services.conftest import House
from tests.web.api_scene import open_scene

JSON = {"Content-Type": "application/json"}
Build = Callable[[CallManager, Callable[[], str]], web.Application]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    built = House(tmp_path)
    yield built
    await built.close()


def public_app(calls: CallManager, readiness: Callable[[], str]) -> web.Application:
    return build_public_app(calls, readiness, lambda: (b"", "text/plain"))


def routes(app: web.Application) -> set[tuple[str, str]]:
    return {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


async def test_tcp_offers_the_page_and_the_metrics_besides_calls_and_commands(house: House):
    """The control socket has what the CLI needs; TCP has a page and a place to be watched as well."""
    public, control = public_app(house.manager, str), build_control_app(house.manager, str)
    assert routes(public) - routes(control) == {("GET", "/"), ("GET", "/static/{name}"), ("GET", "/metrics")}
    assert routes(control) == {
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/call"),
        *((endpoint.method, endpoint.full_path) for endpoint in LIVE_ENDPOINTS),
    }
    assert control[CALLS] is house.manager


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError, 400),
        (NotFound, 404),
        (Refused, 403),
        (SignInWanted, 401),
        (TooManyRequests, 429),
        (OutOfDate, 409),
        (CallLimitReached, 429),
        (CallError, 409),
        (StorageBusy, 503),
        (TimedOut, 500),
    ],
)
async def test_our_errors_are_answered_as_json(house: House, error: type[AgentVoiceError], status: int):
    """Status and exit code are of the error's kind, the words are its own."""

    async def fail(request: web.Request) -> web.Response:
        raise error("field: got this, want that")

    app = build_control_app(house.manager, str)
    app.router.add_get("/fail", fail)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/fail")
        failure = admin.decode_failure(await answer.read())
    assert (answer.status, answer.content_type) == (status, "application/json")
    assert (failure.error, failure.exit_code) == ("field: got this, want that", error.exit_code)


@pytest.mark.parametrize("build", [public_app, build_control_app])
async def test_a_body_beyond_the_limit_is_refused(house: House, build: Build):
    """Nobody fills the memory with a request."""

    async def read(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    app = build(house.manager, str)
    app.router.add_post("/read", read)
    async with TestClient(TestServer(app)) as client:
        fitting = await client.post("/read", data=bytes(admin.MAX_BODY_BYTES), headers=JSON)
        beyond = await client.post("/read", data=bytes(admin.MAX_BODY_BYTES + 1), headers=JSON)
    assert (fitting.status, beyond.status) == (200, 413)


async def test_what_http_refuses_is_answered_as_json(house: House):
    """No such address, a method that it has not: the same shape, and which methods there are."""
    async with TestClient(TestServer(public_app(house.manager, str))) as client:
        absent = await client.get("/api/v1/nothing")
        wrong = await client.delete("/api/v1/me", headers=JSON)
        assert (absent.status, (await absent.json())["exit_code"]) == (404, 3)
        assert (wrong.status, wrong.headers["Allow"]) == (405, "GET,HEAD")
        assert await wrong.json() == {"error": "DELETE /api/v1/me: Method Not Allowed", "exit_code": 2}


async def test_the_whole_api_is_served_over_a_database(tmp_path: Path):
    """Every endpoint of the table has its route on both faces."""
    async with open_scene(tmp_path) as scene:
        for app in (
            build_control_app(scene.house.manager, str, scene.desks),
            build_public_app(scene.house.manager, str, lambda: (b"", ""), desks=scene.desks),
        ):
            wanted = {(endpoint.method, endpoint.full_path) for endpoint in ENDPOINTS}
            at_the_door = {(endpoint.method, endpoint.full_path) for endpoint in DOOR_ENDPOINTS}
            assert wanted - routes(app) == at_the_door


async def test_tcp_alone_has_a_door(house: House):
    """Nobody signs in at the control socket."""
    door = build_door(house.database, house.clock, HttpSettings())
    app = build_public_app(house.manager, str, lambda: (b"", ""), door=door)
    assert {(endpoint.method, endpoint.full_path) for endpoint in DOOR_ENDPOINTS} <= routes(app)
    assert app[DOOR] is door


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [(SignInWanted("x"), "WWW-Authenticate", "Bearer"), (TooManyRequests("x", 1.2), "Retry-After", "2")],
)
async def test_a_refusal_says_what_to_do(house: House, error: AgentVoiceError, header: str, value: str):
    """In the header that HTTP has for it."""

    async def fail(request: web.Request) -> web.Response:
        raise error

    app = build_control_app(house.manager, str)
    app.router.add_get("/fail", fail)
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/fail")).headers[header] == value
