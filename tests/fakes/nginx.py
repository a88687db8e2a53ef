"""nginx of Debian before the daemon, with the configuration that our documentation shows."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.fakes.certificates import Certificate

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs" / "howto" / "behind-a-proxy.md"
START_S = 20.0
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@cache
def find_nginx() -> str:
    """Return its path; the first time it is fetched, if the system has none."""
    done = subprocess.run([TOP / "tools" / "nginx.sh"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def documented_server() -> str:
    """The configuration as the page shows it."""
    blocks: list[str] = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
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
    for documented, real in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/ssl/calls.example/fullchain.pem", str(made.cert)),
        ("/etc/ssl/calls.example/privkey.pem", str(made.key)),
        ("http://127.0.0.1:8420", upstream),
    ):
        assert documented in server, documented
        server = server.replace(documented, real)
    places = "".join(f"{name}_temp_path {folder}/{name};\n" for name in TEMPORARY)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{places}{server}}}\n"
    )
    process = await asyncio.create_subprocess_exec(
        find_nginx(), "-c", str(config), "-e", "stderr", "-p", str(folder)
    )
    try:
        await _listening(port)
        yield port
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
