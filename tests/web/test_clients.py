"""Who the client of a request is: every address of the API asks, and so does the call socket."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError, web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from agentvoice.config import HttpSettings
from agentvoice.web.api import ENDPOINTS
from agentvoice.web.app import build_public_app
from agentvoice.web.clients import NOBODY, OWNER, Client, Scope, identify_local, identify_owner
from agentvoice.web.door import build_door
from agentvoice.web.endpoint import Endpoint
from agentvoice.web.visitors import VISITOR, Visitor
from tests.web.api_scene import open_scene

CALLER = Client("eve", frozenset({Scope.CALL}))


async def nobody(request: web.Request) -> Client:
    return NOBODY


def asked(*, is_local: bool) -> web.Request:
    request = make_mocked_request("GET", "/")
    request[VISITOR] = Visitor("203.0.113.9", "h", "http", is_local)
    return request


async def test_whoever_is_on_this_machine_is_its_owner():
    """Everybody else is nobody; on the control socket there is nobody else."""
    assert await identify_local(asked(is_local=True)) is OWNER
    assert await identify_local(asked(is_local=False)) is NOBODY
    assert await identify_owner(asked(is_local=False)) is OWNER


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
@pytest.mark.parametrize("who", [NOBODY, CALLER], ids=["nobody", "caller"])
async def test_each_address_asks_who_it_is(tmp_path: Path, endpoint: Endpoint, who: Client):
    """Nobody is refused everywhere; a caller wherever `admin` is wanted, before anything is read."""
    async with open_scene(tmp_path) as scene:

        async def identify(request: web.Request) -> Client:
            return who

        door = build_door(scene.house.database, scene.house.clock, HttpSettings())
        door.identify = identify  # type: ignore[method-assign] # the rest of the door is real
        app = build_public_app(scene.house.manager, str, lambda: (b"", ""), None, scene.desks, door)
        async with TestClient(TestServer(app)) as client:
            path = endpoint.full_path.replace("{", "").replace("}", "")
            answer = await client.request(
                endpoint.method, path, data=b"?", headers={"Content-Type": "application/json"}
            )
            refusal = 403 if who.scopes else 401
            is_allowed = endpoint.scope is None or endpoint.scope in who.scopes
            assert (answer.status == refusal) == (not is_allowed)


async def test_the_call_socket_asks_who_it_is(tmp_path: Path):
    """Nobody opens no call."""
    async with open_scene(tmp_path) as scene:
        app = build_public_app(scene.house.manager, str, lambda: (b"", ""), identify=nobody)
        async with TestClient(TestServer(app)) as client:
            with pytest.raises(WSServerHandshakeError) as refused:
                await client.ws_connect("/call")
            assert refused.value.status == 401
