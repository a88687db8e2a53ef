from __future__ import annotations

import asyncio
import stat
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from agentvoice.errors import ConfigError, Refused
from agentvoice.web import serving
from agentvoice.web.serving import serve_tcp, serve_unix


def app() -> web.Application:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    built = web.Application()
    built.router.add_get("/", hello)
    return built


async def test_port_0_takes_a_free_one_and_says_which():
    """A second application on that port is told which setting to change."""
    async with AsyncExitStack() as stack:
        address = await serve_tcp(app(), "127.0.0.1", 0, stack)
        async with aiohttp.ClientSession() as client, client.get(address) as answer:
            assert await answer.text() == "hello"
        port = int(address.rpartition(":")[2])
        with pytest.raises(ConfigError, match=f"http.port: got {port} on 127.0.0.1, want a free one"):
            await serve_tcp(app(), "127.0.0.1", port, stack)


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HTTP/1.1\r\nHost: 127.0", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"]
)
async def test_who_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch, begun: bytes):
    """Before a request, within its head, and after it: a connection is not kept for whoever forgot it."""
    monkeypatch.setattr(serving, "IDLE_S", 0.05)
    async with AsyncExitStack() as stack:
        address = await serve_tcp(app(), "127.0.0.1", 0, stack)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(begun)
        async with asyncio.timeout(60):
            assert (await reader.read()).endswith(b"hello" if begun.endswith(b"\n") else b"")
        writer.close()


async def test_the_control_socket_is_for_this_user_alone(tmp_path: Path):
    """A stale file is replaced; the socket goes when serving ends."""
    path = tmp_path / "agentvoice.sock"
    path.write_text("of a daemon that was killed")
    async with AsyncExitStack() as stack:
        await serve_unix(app(), path, stack)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        connector = aiohttp.UnixConnector(str(path))
        async with aiohttp.ClientSession(connector=connector) as client, client.get("http://x/") as answer:
            assert await answer.text() == "hello"
    assert not path.exists()


async def test_a_socket_that_cannot_be_made_is_refused(tmp_path: Path):
    """The message names the path."""
    async with AsyncExitStack() as stack:
        with pytest.raises(Refused, match=r"no-such-folder/agentvoice\.sock cannot be made"):
            await serve_unix(app(), tmp_path / "no-such-folder" / "agentvoice.sock", stack)
