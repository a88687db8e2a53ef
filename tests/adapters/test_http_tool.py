"""HTTP tools over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agentvoice.adapters.http_tool import COVER, AiohttpTools
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.core.ports import HttpAnswer
from agentvoice.core.tool import HttpTool
from agentvoice.errors import ConfigError, ConnectFailed, ConnectionLost, TimedOut, UsageError
from tests.fakes.certificates import make_certificate
from tests.fakes.clock import ManualClock
from tests.fakes.tool_server import ToolServer

SECRET = 'k"1/abcdefghijklmnopqrstuvwxyz'


@pytest.fixture
async def server() -> AsyncIterator[ToolServer]:
    async with ToolServer() as running:
        yield running


async def ask(tool: HttpTool, arguments: Mapping[str, object] | None = None) -> HttpAnswer:
    tools = AiohttpTools(SystemClock())
    try:
        return await tools.call(tool, arguments or {})
    finally:
        await tools.close()


def to(server: ToolServer, **changes: Any) -> HttpTool:
    return replace(HttpTool("weather", "Weather", f"{server.url}/now"), **changes)


async def test_a_get_has_its_arguments_in_the_url(server: ToolServer):
    """Encoded once; headers as the profile says; nothing of the environment, no cookie."""
    url = f"{server.url}/v1/{{city}}?units=metric"
    answer = await ask(to(server, url=url, headers={"Accept": "text/plain"}), {"city": "a/b ü", "n": 2})
    assert answer == HttpAnswer(200, '{"degrees": 21}')
    (asked,) = server.asked
    assert (asked.method, asked.target, asked.body) == ("GET", "/v1/a%2Fb%20%C3%BC?units=metric&n=2", "")
    assert asked.headers["accept"] == "text/plain"
    assert asked.headers["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "content-type"} & set(asked.headers)


async def test_a_post_has_them_in_its_body(server: ToolServer):
    """As JSON, and says so."""
    await ask(to(server, method="POST"), {"text": "hi"})
    (asked,) = server.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/now", '{"text":"hi"}')
    assert asked.headers["content-type"] == "application/json"


async def test_secrets_are_read_for_each_call(server: ToolServer, tmp_path: Path):
    """One that was changed since is the new one."""
    path = tmp_path / "key"
    tool = to(server, headers={"Authorization": f"Bearer file:{path}"})
    for secret in ("first", "second"):
        path.write_text(secret)
        await ask(tool)
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer first", "Bearer second"]
    path.unlink()
    with pytest.raises(ConfigError, match=r"^tools\.http weather\.headers\.Authorization: got file:"):
        await ask(tool)
    assert len(server.asked) == 2


@pytest.mark.parametrize("written", [SECRET, 'k\\"1/abcdefghijklmnopqrstuvwxyz'])
async def test_a_repeated_secret_is_covered(
    server: ToolServer, monkeypatch: pytest.MonkeyPatch, written: str
):
    """As it is and in JSON; where the answer is cut, no half of it is left."""
    monkeypatch.setenv("WEATHER_KEY", SECRET)
    tool = to(server, headers={"X-Key": "env:WEATHER_KEY"}, max_result_chars=100)
    server.text = f"you are {written}"
    assert (await ask(tool)).text == f"you are {COVER}"
    for filling in range(460, 540):
        server.text = f"{written} " * 3 + "x" * filling + written + "y" * 10_000
        answer = await ask(tool)
        assert answer.is_cut
        assert "k" not in answer.text
    assert len(server.asked) == 1 + 80


async def test_no_part_of_a_secret_is_left_where_an_answer_is_cut(
    server: ToolServer, monkeypatch: pytest.MonkeyPatch
):
    """What was read may end in the middle of a long secret, and covered ones make room for its half."""
    monkeypatch.setenv("WEATHER_KEY", "k" * 300)
    server.text = "k" * 3_000
    answer = await ask(to(server, headers={"X-Key": "env:WEATHER_KEY"}, max_result_chars=100))
    assert answer.is_cut
    assert "k" not in answer.text


async def test_a_huge_answer_is_not_taken_into_memory(server: ToolServer):
    """The connection is closed when there is enough for the model."""
    server.text = "ü" * 20_000_000
    answer = await ask(to(server, max_result_chars=300))
    assert answer == HttpAnswer(200, "ü" * 300, is_cut=True)
    assert server.sent_bytes < 20_000_000


async def test_an_answer_that_just_fits_is_whole(server: ToolServer):
    """The limit is in characters."""
    server.text = "ü" * 300
    assert await ask(to(server, max_result_chars=300)) == HttpAnswer(200, "ü" * 300)


async def test_text_that_is_no_utf8_is_survived():
    """What cannot be read is marked in the text."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"a\xffb")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        tool = HttpTool("t", "T", f"http://127.0.0.1:{runner.addresses[0][1]}/")
        assert (await ask(tool)).text == "a\ufffdb"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(server: ToolServer, status: int):
    """Not even to the same host: the profile names where a tool leads."""
    async with ToolServer() as other:
        server.status, server.headers = status, {"Location": f"{other.url}/x"}
        assert (await ask(to(server, headers={"X-Key": "env:HOME"}))).status == status
        assert other.asked == []


async def test_no_proxy_of_the_environment_is_used(server: ToolServer, monkeypatch: pytest.MonkeyPatch):
    """The request goes to the host itself."""
    async with ToolServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        await ask(to(server))
        assert (len(server.asked), proxy.asked) == (1, [])


async def test_the_limit_is_by_the_clock(server: ToolServer):
    """From the request to the last byte of the answer."""
    clock = ManualClock()
    tools = AiohttpTools(clock)
    server.go.clear()
    asking = asyncio.ensure_future(tools.call(to(server, timeout_s=7.0), {}))
    async with asyncio.timeout(10):
        while not server.asked:
            await clock.settle()
    await clock.advance(6.9)
    assert not asking.done()
    await clock.advance(0.2)
    with pytest.raises(TimedOut, match=r"^weather: no answer after 7 s$"):
        await asking
    await tools.close()


async def test_a_server_that_is_not_there_is_our_error(server: ToolServer):
    """The host is named, not the URL: it may hold what the caller said."""
    await server._runner.cleanup()
    with pytest.raises(ConnectFailed, match=r"^weather: 127\.0\.0\.1: ") as failed:
        await ask(to(server), {"secret": "word"})
    assert "word" not in str(failed.value)


async def test_a_connection_that_breaks_is_our_error(server: ToolServer):
    """It is not tried again: nobody knows what the request has done already."""
    server.breaks = True
    with pytest.raises(ConnectionLost, match=r"^weather: "):
        await ask(to(server, method="DELETE"))
    assert len(server.asked) == 1


async def test_an_argument_that_walks_the_path_is_refused(server: ToolServer):
    """Before anything is sent."""
    with pytest.raises(UsageError, match=r"arguments\.id"):
        await ask(to(server, url=f"{server.url}/private/{{id}}"), {"id": ".."})
    assert server.asked == []


async def test_an_untrusted_certificate_is_refused(tmp_path: Path):
    """TLS is verified, on this machine too."""
    context = make_certificate(tmp_path).serving()
    runner = web.AppRunner(web.Application())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        tool = HttpTool("t", "T", f"https://127.0.0.1:{runner.addresses[0][1]}/")
        with pytest.raises(ConnectFailed, match=r"^t: 127\.0\.0\.1: its certificate is not trusted$"):
            await ask(tool)
    finally:
        await runner.cleanup()


async def test_closing_twice_is_fine():
    """Nothing was opened, or all was closed."""
    tools = AiohttpTools(SystemClock())
    await tools.close()
    await tools.close()
