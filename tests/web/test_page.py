from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from agentvoice.web.app import build_public_app
from agentvoice.web.page import STATIC
from tests.services.conftest import House


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[TestClient]:
    house = House(tmp_path)
    app = build_public_app(house.manager, str, lambda: (b"", "text/plain"))
    async with TestClient(TestServer(app)) as built:
        yield built
    await house.close()


async def test_the_page_and_its_files_are_served(client: TestClient):
    """The page comes at `/`, and each of its files under /static, as it lies in the package."""
    for path in ("/", "/static/index.html"):
        answer = await client.get(path)
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert await answer.read() == (STATIC / "index.html").read_bytes()
    again = await client.get("/", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/static/../page.py",
        "/static/%2e%2e/page.py",
        "/static/%2e%2e%2fpage.py",
        "/static/%2fetc%2fpasswd",
        "/static/none",
        "/static/views",
        "/static/",
        "/static/%00",
        f"/static/{'x' * 300}",  # longer than a file's name may be
        f"/static/{'x/' * 3_000}",
    ],
)
async def test_nothing_else_is_served(client: TestClient, path: str):
    """No file beside the page's own, and no list of them."""
    answer = await client.get(URL(path, encoded=True))
    assert (answer.status, answer.content_type) == (404, "application/json")
