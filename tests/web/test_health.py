from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from agentvoice import __version__
from agentvoice.web.app import build_control_app, build_public_app
from tests.services.conftest import House


class Face:
    """The public application of a house."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.missing = ""

    async def get(self, path: str, **headers: str) -> tuple[int, object]:
        answer = await self.client.get(path, headers=headers)
        return answer.status, await answer.json() if answer.content_type == "application/json" else None


@pytest.fixture
async def face(tmp_path: Path) -> AsyncIterator[Face]:
    house = House(tmp_path)
    built: list[Face] = []
    app = build_public_app(house.manager, lambda: built[0].missing, lambda: (b"", ""))
    async with TestClient(TestServer(app)) as client:
        built.append(Face(client))
        yield built[0]
    await house.close()


async def test_a_living_daemon_is_healthy(face: Face):
    """Health says that the loop turns, with version and live calls."""
    assert await face.get("/healthz") == (200, {"status": "ok", "version": __version__, "live_calls": 0})


async def test_readiness_names_what_is_missing(face: Face):
    """A daemon that cannot take calls says why, with 503."""
    assert (await face.get("/readyz"))[0] == 200
    face.missing = "the database takes no writes"
    status, body = await face.get("/readyz")
    assert (status, body["status"]) == (503, "the database takes no writes")  # type: ignore[index] # a JSON object


@pytest.mark.parametrize("elsewhere", [{"Via": "1.1 proxy"}, {"Host": "daemon.internal:8420"}])
async def test_who_asks_from_elsewhere_is_told_no_more_than_whether_all_is_well(
    face: Face, elsewhere: dict[str, str]
):
    """Neither the version nor how many call, and not what is wrong."""
    for path in ("/healthz", "/readyz"):
        assert await face.get(path, **elsewhere) == (200, {"status": "ok"})
    face.missing = "the database takes no writes"
    assert await face.get("/readyz", **elsewhere) == (503, {"status": "not ready"})


async def test_the_owner_is_told_all_on_the_control_socket(tmp_path: Path):
    """Who opened it is on this machine."""
    house = House(tmp_path)
    async with TestClient(TestServer(build_control_app(house.manager, lambda: "the disk is full"))) as client:
        body = await (await client.get("/readyz")).json()
    assert (body["status"], body["live_calls"]) == ("the disk is full", 0)
    await house.close()
