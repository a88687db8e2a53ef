"""Who may reach the TCP face: by which Host, from which Origin, with what body, from where."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from agentvoice.config import HttpSettings
from agentvoice.protocols import admin
from agentvoice.web.app import build_public_app
from agentvoice.web.defence import HEADERS, OPEN_PATHS
from tests.services.conftest import House

SETTINGS = HttpSettings(allowed_hosts=("calls.example",), allowed_origins=("https://desk.example",))
END = f"/api/v1/calls/{'0' * 32}/end"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[TestClient]:
    house = House(tmp_path)
    app = build_public_app(house.manager, str, lambda: (b"", "text/plain"), SETTINGS)
    async with TestClient(TestServer(app)) as built:
        yield built
    await house.close()


async def test_a_command_of_this_machine_passes(client: TestClient):
    """A client that is no browser, or our own page, reaches the handler (which finds no such call)."""
    own = f"http://{client.host}:{client.port}"
    for headers in (JSON, {**JSON, "Origin": own}, {**JSON, "Origin": "https://desk.example"}):
        assert (await client.post(END, data=b"{}", headers=headers)).status == 404


SITES = {"same-origin": 200, "none": 200, "same-site": 403, "cross-site": 403, "junk": 403}
"""What a browser says of who asks, and the answer. Another port of this host is "same-site"."""


@pytest.mark.parametrize("site", SITES)
async def test_a_page_of_another_site_cannot_even_ask(client: TestClient, site: str):
    """It could not read the answer, but tell by the time whether a search finds something."""
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    answer = await client.get("/api/v1/me", headers=headers)
    assert answer.status == SITES[site]
    if answer.status == 403:
        assert f"Sec-Fetch-Site: got '{site}', want" in await answer.text()
    # Whoever follows a link may see the page, and an allowed site's script shows a token.
    assert (await client.get("/", headers=headers)).status == 200
    allowed = {**headers, "Origin": "https://desk.example"}
    assert (await client.get("/api/v1/me", headers=allowed)).status == 200
    other = {**headers, "Origin": "https://other.example"}
    assert (await client.get("/api/v1/me", headers=other)).status == SITES[site]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "rebound.example"),
        ("Host", "127.0.0.1.rebound.example"),
        ("Host", "[half"),
        ("Origin", "http://other.example"),
        ("Origin", "null"),
        ("Origin", "http://[half"),
        ("Origin", "https://127.0.0.1"),
        ("Content-Type", "text/plain"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_command_of_anybody_else_is_refused(client: TestClient, header: str, value: str):
    """One clear error each, and the handler never sees it."""
    answer = await client.post(END, data=b"{}", headers={**JSON, header: value})
    failure = admin.decode_failure(await answer.read())
    assert (answer.status, failure.exit_code) == (403, 4)
    assert "got" in failure.error
    assert "want" in failure.error


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "calls.example"),  # it may see the page; calls and commands are for this machine
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Real-IP", "203.0.113.9"),
        ("Forwarded", "for=203.0.113.9"),
    ],
)
async def test_a_client_elsewhere_is_asked_to_sign_in(client: TestClient, header: str, value: str):
    """By a name of the settings, or through a proxy."""
    answer = await client.post(END, data=b"{}", headers={**JSON, header: value})
    failure = admin.decode_failure(await answer.read())
    assert (answer.status, failure.exit_code) == (401, 4)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "nobody we know" in failure.error


@pytest.mark.parametrize("header", [{"Origin": "http://other.example"}, {"Host": "rebound.example"}])
async def test_another_site_opens_no_call(client: TestClient, header: dict[str, str]):
    """The handshake of a WebSocket from elsewhere is refused."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect("/call", headers=header)
    assert refused.value.status == 403


async def test_the_own_page_opens_a_call(client: TestClient):
    """The handshake of our own page is taken."""
    async with client.ws_connect("/call", origin=f"http://{client.host}:{client.port}") as socket:
        await socket.send_str('{"type":"start","agent":"nobody"}')
        assert "refused" in await socket.receive_str()


async def test_the_page_is_shown_under_an_allowed_name_only(client: TestClient):
    """A name of the settings shows the page, another one does not."""
    assert (await client.get("/", headers={"Host": "calls.example"})).status == 200
    assert (await client.get("/", headers={"Host": "rebound.example"})).status == 403


@pytest.mark.parametrize("path", sorted(OPEN_PATHS))
async def test_who_watches_may_use_any_name(client: TestClient, path: str):
    """A scraper reaches the daemon by whatever name its network has for it; the metrics want a token then."""
    wanted = 401 if path == "/metrics" else 200
    assert (await client.get(path, headers={"Host": "daemon.internal:8420"})).status == wanted


@pytest.mark.parametrize("path", ["/", "/static/index.html", "/none", "/healthz"])
async def test_each_answer_carries_the_headers(client: TestClient, path: str):
    """Pages, files, errors and data: the browser is told on each, and no site is let in by CORS."""
    answer = await client.get(path, headers={"Origin": "https://desk.example"})
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
