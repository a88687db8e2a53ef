"""nginx and Caddy of Debian before the daemon, with the configurations that our documentation shows."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.fakes.certificates import Certificate
from tests.fakes.debian import find_program

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs" / "howto" / "behind-a-proxy.md"
START_S = 20.0
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def documented(language: str) -> str:
    """The configuration as the page shows it."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
    assert len(blocks) == 1
    return blocks[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def nginx(folder: Path, server: str, made: Certificate, upstream: str) -> AsyncIterator[int]:
    """Run nginx with a server that listens on a free port; gives the port.

    `server` names the daemon, the port and the certificate as the page does; they are put in here.
    """
    port = free_port()
    server = put_in(
        server,
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/ssl/calls.example/fullchain.pem", str(made.cert)),
        ("/etc/ssl/calls.example/privkey.pem", str(made.key)),
        ("http://127.0.0.1:8420", upstream),
    )
    places = "".join(f"{name}_temp_path {folder}/{name};\n" for name in TEMPORARY)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{places}{server}}}\n"
    )
    command = (find_program("nginx", "nginx"), "-c", str(config), "-e", "stderr", "-p", str(folder))
    async with _running(folder, port, *command):
        yield port


@asynccontextmanager
async def caddy(folder: Path, server: str, made: Certificate, upstream: str) -> AsyncIterator[int]:
    """Run Caddy with a site on a free port; gives the port.

    `server` names the daemon and the site as the page does; they are put in here, with a certificate
    that is not fetched, for every name that it holds.
    """
    port = free_port()
    server = put_in(
        server,
        ("calls.example {", f"https://:{port} {{\n\tbind 127.0.0.1\n\ttls {made.cert} {made.key}"),
        ("127.0.0.1:8420", upstream),
    )
    config = folder / "Caddyfile"
    config.write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{server}")
    command = (find_program("caddy", "caddy"), "run", "--config", str(config), "--adapter", "caddyfile")
    async with _running(folder, port, *command):
        yield port


def put_in(server: str, *changes: tuple[str, str]) -> str:
    """Put real places into a configuration; each one that is documented must be there."""
    for documented_place, real in changes:
        assert documented_place in server, documented_place
        server = server.replace(documented_place, real)
    return server


@asynccontextmanager
async def _running(folder: Path, port: int, *command: str) -> AsyncIterator[None]:
    """Run a proxy that keeps what it keeps in `folder`, from when it listens on."""
    places = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **places})
    try:
        await _listening(port)
        yield
    finally:
        process.terminate()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(START_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0)
                continue
            writer.close()
            return


class HereResolver(AbstractResolver):
    """Every name is this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        pass


def browser_to(site: str, made: Certificate) -> aiohttp.ClientSession:
    """A client that keeps cookies, trusts this certificate, and takes every name for this machine."""
    connector = aiohttp.TCPConnector(ssl=made.trusting(), resolver=HereResolver())
    return aiohttp.ClientSession(site, connector=connector)
