"""Scripts of allowed sites."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentvoice.core.client import Scope
from agentvoice.web.endpoint import API
from tests.web.door_scene import DoorScene, open_door

DESK = "https://desk.example"
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[DoorScene]:
    async with open_door(tmp_path) as opened:
        yield opened


def cors_of(answer: object) -> dict[str, str]:
    headers = answer.headers  # type: ignore[attr-defined] # any response
    return {name: value for name, value in headers.items() if name.startswith("Access-Control")}


async def test_an_allowed_site_asks_first(door: DoorScene):
    """What it may send is told, to it alone; a cookie is not among it."""
    answer = await door.client.options(f"{API}/agents", headers={"Origin": DESK, **ASKED})
    assert answer.status == 204
    assert cors_of(answer) == {
        "Access-Control-Allow-Origin": DESK,
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
    }


async def test_an_allowed_site_reads_answers(door: DoorScene):
    """Refusals too; caches are told that the answer is this site's."""
    token = door.new_token(Scope.ADMIN)
    read = await door.ask("GET", "/calls", Authorization=f"Bearer {token}", Origin=DESK)
    refused = await door.ask("GET", "/calls", Origin=DESK)
    assert (read.status, refused.status) == (200, 401)
    for answer in (read, refused):
        assert cors_of(answer) == {"Access-Control-Allow-Origin": DESK}
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://desk.example.evil.example"])
async def test_another_site_is_told_nothing(door: DoorScene, origin: str):
    """Neither before nor with an answer."""
    before = await door.client.options(f"{API}/agents", headers={"Origin": origin, **ASKED})
    answer = await door.ask("GET", "/me", Origin=origin)
    assert (before.status, cors_of(before), cors_of(answer)) == (403, {}, {})


async def test_the_page_is_no_part_of_it(door: DoorScene):
    """Other sites read the API alone."""
    assert cors_of(await door.client.get("/", headers={"Origin": DESK})) == {}
