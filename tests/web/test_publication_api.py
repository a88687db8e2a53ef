"""Where threads stand, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from agentvoice.services.publication_pages import PublicationPages
from agentvoice.web.app import build_control_app
from tests.services.conftest import House
from tests.services.press import CALL_ID, Press


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[TestClient[Any, Any]]:
    """An operator's client of a house whose database holds one signed thread."""
    for folder in ("house", "press"):
        (tmp_path / folder).mkdir()
    house, press = House(tmp_path / "house"), Press(tmp_path / "press", "wss://relay.example")
    press.finish_call()
    await press.publisher().prepare(CALL_ID)
    pages = PublicationPages(press.database, str, 1)
    async with TestClient(TestServer(build_control_app(house.manager, str, pages))) as made:
        yield made
        await press.close()
        await house.close()


async def test_a_thread_is_shown_as_the_command_shows_it(client: TestClient[Any, Any]):
    """The same document, by id or as the last one."""
    answer = await client.get(f"/api/v1/publications/{CALL_ID}")
    document = await answer.json()
    assert (answer.status, document["call"]) == (200, CALL_ID)
    assert document["publication"]["relays"][0]["states"] == {"waiting": 4}
    assert document["publication"]["summary"].startswith("Not published yet: 0 of 1 relays")
    assert await (await client.get("/api/v1/publications/last")).json() == document


async def test_threads_are_listed(client: TestClient[Any, Any]):
    """A page of summaries, by state."""
    found = (await (await client.get("/api/v1/publications?state=queued&limit=5")).json())["publications"]
    assert [(each["call"], each["relays"], each["complete_relays"]) for each in found] == [(CALL_ID, 1, 0)]
    older = await client.get(f"/api/v1/publications?before={CALL_ID}")
    assert (await older.json()) == {"publications": []}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/publications/" + "f" * 32, 404, "no such call"),
        ("/api/v1/publications?state=lost", 400, "state: got 'lost', want one of none, review"),
        ("/api/v1/publications?limit=0", 400, "limit: got '0', want a whole number from 1 to 1000"),
        ("/api/v1/publications?limit=99999", 400, "limit: got '99999'"),
        ("/api/v1/publications?limit=%C2%B2", 400, "limit: got '²'"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wanted(
    client: TestClient[Any, Any], path: str, status: int, words: str
):
    """One clear error with the command line's exit code beside it."""
    answer = await client.get(path)
    assert answer.status == status
    assert words in (await answer.json())["error"]
