"""Who the client of a request is: every address of the API asks, and so does the call socket."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError, web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from agentvoice.web.api import ENDPOINTS
from agentvoice.web.app import build_public_app
from agentvoice.web.clients import (
    NOBODY,
    OWNER,
    PROXY_HEADERS,
    Client,
    Scope,
    identify_local,
    identify_owner,
)
from agentvoice.web.endpoint import Endpoint
from tests.web.api_scene import open_scene

CALLER = Client("eve", frozenset({Scope.CALL}))


def asked(host: str = "127.0.0.1:8420", **headers: str) -> web.Request:
    request = make_mocked_request("GET", "/", headers={"Host": host, **headers})
    return request.clone(remote="127.0.0.1")


@pytest.mark.parametrize("host", ["127.0.0.1:8420", "localhost", "[::1]:8420"])
def test_a_client_on_this_machine_is_its_owner(host: str):
    """By any name of loopback."""
    assert identify_local(asked(host)) is OWNER


@pytest.mark.parametrize("name", PROXY_HEADERS)
def test_what_comes_through_a_proxy_is_nobody(name: str):
    """A proxy on this machine may speak for anybody."""
    assert identify_local(asked(**{name: "203.0.113.9"})) is NOBODY


def test_a_client_elsewhere_is_nobody():
    """By its address, and by the name it asks for."""
    assert identify_local(asked().clone(remote="203.0.113.9")) is NOBODY
    assert identify_local(asked("calls.example")) is NOBODY
    assert identify_owner(asked("calls.example").clone(remote="")) is OWNER


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
@pytest.mark.parametrize("who", [NOBODY, CALLER], ids=["nobody", "caller"])
async def test_each_address_asks_who_it_is(tmp_path: Path, endpoint: Endpoint, who: Client):
    """Nobody is refused everywhere; a caller wherever `admin` is wanted, before anything is read."""
    async with open_scene(tmp_path) as scene:
        app = build_public_app(
            scene.house.manager, str, lambda: (b"", ""), desks=scene.desks, identify=lambda request: who
        )
        async with TestClient(TestServer(app)) as client:
            path = endpoint.full_path.replace("{", "").replace("}", "")
            answer = await client.request(
                endpoint.method, path, data=b"?", headers={"Content-Type": "application/json"}
            )
            assert (answer.status == 403) == (endpoint.scope not in who.scopes)


async def test_the_call_socket_asks_who_it_is(tmp_path: Path):
    """Nobody opens no call."""
    async with open_scene(tmp_path) as scene:
        app = build_public_app(scene.house.manager, str, lambda: (b"", ""), identify=lambda request: NOBODY)
        async with TestClient(TestServer(app)) as client:
            with pytest.raises(WSServerHandshakeError) as refused:
                await client.ws_connect("/call")
            assert refused.value.status == 403
