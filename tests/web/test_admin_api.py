"""Operators over HTTP: switching and ending live calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from agentvoice.core.call import EndReason
from agentvoice.core.speech import Respond
from agentvoice.protocols import admin
from agentvoice.web.app import build_control_app
from tests.services.conftest import House

NO_CALL = "0" * 32


class Desk:
    """An operator's client of a house."""

    def __init__(self, house: House, client: TestClient) -> None:
        self.house = house
        self._client = client

    async def post(self, path: str, body: bytes = b"{}") -> tuple[int, admin.Failure | None]:
        """The status, and the failure if it is one."""
        answer = await self._client.post(path, data=body)
        data = await answer.read()
        return answer.status, admin.decode_failure(data) if answer.status >= 400 else None


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    house = House(tmp_path)
    async with TestClient(TestServer(build_control_app(house.manager, str))) as client:
        yield Desk(house, client)
        await house.close()


async def test_a_switch_answers_when_it_is_done(desk: Desk):
    """204, and the new agent has been asked to speak."""
    await desk.house.live_call()
    (call,) = desk.house.manager.live_calls
    assert await desk.post(f"/api/v1/calls/{call}/switch", b'{"agent":"max"}') == (204, None)
    assert desk.house.session.told[-1] == Respond("Max speaking.")


async def test_a_switch_that_fails_says_why(desk: Desk):
    """The call goes on with the old agent; the operator gets the reason and the CLI's exit code."""
    call = await desk.house.live_call()
    path = f"/api/v1/calls/{desk.house.manager.live_calls[0]}/switch"
    for agent, words in (("ada", "speaking already"), ("eve", "cannot hand over to 'eve'")):
        status, failure = await desk.post(path, b'{"agent":"%s"}' % agent.encode())
        assert failure is not None
        assert (status, failure.exit_code) == (500, 1)
        assert words in failure.error
    assert not call.done()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"agnt":"max"}', b'{"agent":5}', b"\xff"])
async def test_a_wrong_body_names_what_is_wrong(desk: Desk, body: bytes):
    """400 before the call is looked for; nothing is switched."""
    status, failure = await desk.post(f"/api/v1/calls/{NO_CALL}/switch", body)
    assert failure is not None
    assert (status, failure.exit_code) == (400, 2)
    assert failure.error.startswith("body: ")


async def test_a_call_is_ended(desk: Desk):
    """204, and the call ends as the operator's."""
    call = await desk.house.live_call()
    (live,) = desk.house.manager.live_calls
    assert await desk.post(f"/api/v1/calls/{live}/end") == (204, None)
    assert (await call).reason is EndReason.OPERATOR


@pytest.mark.parametrize("verb", ["switch", "end"])
async def test_a_call_that_is_not_live_is_not_found(desk: Desk, verb: str):
    """404 with the id."""
    status, failure = await desk.post(f"/api/v1/calls/{NO_CALL}/{verb}", b'{"agent":"max"}')
    assert failure is not None
    assert (status, failure.exit_code) == (404, 3)
    assert NO_CALL in failure.error
