"""TLS with certificates made for the occasion: https, wss, and their renewal."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

from agentvoice.config import HttpSettings, Settings
from agentvoice.core.client import Scope
from agentvoice.errors import ConfigError
from agentvoice.web.door import COOKIE
from agentvoice.web.serving import serve_tcp
from agentvoice.web.tls import Certificates
from tests.fakes.certificates import Certificate, make_certificate
from tests.web.door_scene import open_door


def settings_of(made: Certificate) -> HttpSettings:
    return HttpSettings(tls_cert=str(made.cert), tls_key=str(made.key))


@asynccontextmanager
async def https_daemon(folder: Path, made: Certificate) -> AsyncIterator[tuple[str, str]]:
    """The daemon's TCP face by TLS: its address, and a token of both scopes."""
    async with open_door(folder) as door, AsyncExitStack() as stack:
        app = door.client.server.app  # type: ignore[attr-defined] # a TestServer has one
        tls = Certificates(settings_of(made)).context
        yield await serve_tcp(app, "127.0.0.1", 0, stack, tls), door.new_token(Scope.ADMIN)


async def test_the_page_the_api_and_a_call_by_tls(tmp_path: Path):
    """A browser's way: the page, sign-in with a cookie for https alone, the call socket by wss."""
    made = make_certificate(tmp_path)
    connector = aiohttp.TCPConnector(ssl=made.trusting())
    jar = aiohttp.CookieJar(unsafe=True)  # of a host that is an address
    async with (
        https_daemon(tmp_path, made) as (address, token),
        aiohttp.ClientSession(address, connector=connector, cookie_jar=jar) as browser,
    ):
        assert address.startswith("https://127.0.0.1:")
        assert (await browser.get("/")).status == 200
        own = {"Origin": address}
        signed_in = await browser.post("/api/v1/sign-in", json={"token": token}, headers=own)
        assert signed_in.status == 200
        assert signed_in.cookies[COOKIE]["secure"]
        assert (await browser.get("/api/v1/calls")).status == 200
        async with browser.ws_connect("/call", headers=own) as socket:
            await socket.send_str('{"type":"start","agent":"nobody"}')
            assert "nobody" in await socket.receive_str()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await browser.ws_connect("/call", headers={"Origin": address.replace("https", "http")})


async def test_who_does_not_trust_the_certificate_sends_nothing(tmp_path: Path):
    """And plain http is not spoken on that port, nor TLS of old."""
    made = make_certificate(tmp_path)
    async with https_daemon(tmp_path, made) as (address, _), aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await client.get(address)
        with pytest.raises(aiohttp.ClientError):
            await client.get(address.replace("https", "http"))
    context = Certificates(settings_of(made)).context
    assert context is not None
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


async def served_serial(address: str) -> int:
    """The serial number of the certificate that a new connection is shown."""
    port = int(address.rpartition(":")[2])
    shown = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))
    return x509.load_pem_x509_certificate(shown.encode()).serial_number


async def test_a_renewed_certificate_is_taken_up(tmp_path: Path):
    """At a reload, without a restart; files that cannot be used leave the old one in place."""
    first = make_certificate(tmp_path)
    certificates = Certificates(settings_of(first))
    reload = certificates.renewed_before(Settings)
    async with open_door(tmp_path) as door, AsyncExitStack() as stack:
        app = door.client.server.app  # type: ignore[attr-defined] # a TestServer has one
        address = await serve_tcp(app, "127.0.0.1", 0, stack, certificates.context)
        assert await served_serial(address) == first.serial
        second = make_certificate(tmp_path)
        assert reload() == Settings()
        assert await served_serial(address) == second.serial
        second.key.write_text("half a file")
        with pytest.raises(ConfigError, match=r"http\.tls_cert, http\.tls_key"):
            reload()
        assert await served_serial(address) == second.serial


def test_without_files_there_is_no_tls():
    """Plain http, and a reload is a reload."""
    certificates = Certificates(HttpSettings())
    assert certificates.context is None
    assert certificates.renewed_before(Settings)() == Settings()


def test_files_that_cannot_be_used_are_named(tmp_path: Path):
    """The setting, the file, and what is wanted; nothing asks for a passphrase."""
    made = make_certificate(tmp_path)
    none = str(tmp_path / "none.pem")
    for settings, words in (
        (
            HttpSettings(tls_cert=none, tls_key=str(made.key)),
            r"http\.tls_cert: .*none\.pem cannot be read: No such",
        ),
        (
            HttpSettings(tls_cert=str(made.cert), tls_key=none),
            r"http\.tls_key: .*none\.pem cannot be read: No such",
        ),
        (HttpSettings(tls_cert=str(made.key), tls_key=str(made.key)), "want a certificate"),
    ):
        with pytest.raises(ConfigError, match=words):
            Certificates(settings)
    locked = make_certificate(tmp_path, passphrase=b"word")
    with pytest.raises(ConfigError, match="without a passphrase"):
        Certificates(settings_of(locked))
