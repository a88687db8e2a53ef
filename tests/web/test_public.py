"""The TCP face as the daemon serves it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from agentvoice.config import HttpSettings, Settings, SignInSettings
from agentvoice.core.event import UnsignedEvent
from agentvoice.errors import ConfigError
from agentvoice.web.public import serve_public
from tests.fakes.certificates import make_certificate
from tests.web.api_scene import Scene, open_scene
from tests.web.door_scene import ADMIN


async def test_the_face_has_its_door_and_its_certificate(tmp_path: Path):
    """This machine is let in by https; a reload reads the certificate again, and takes over the npubs."""
    made = make_certificate(tmp_path)
    settings = HttpSettings(port=0, tls_cert=str(made.cert), tls_key=str(made.key))
    async with open_scene(tmp_path) as scene, AsyncExitStack() as stack:
        address, renewing = await serve_public(
            scene.house.manager, str, lambda: (b"", ""), settings, scene.desks, stack
        )
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=made.trusting())) as client,
            client.get(f"{address}/api/v1/me") as answer,
        ):
            assert (await answer.json())["scopes"] == ["call", "admin"]
            assert (await sign_in(client, address, scene)).status == 401
            named = replace(settings, sign_in=SignInSettings(admin_npubs=(ADMIN.npub,)))
            reload = renewing(lambda: replace(Settings(), http=named))
            assert reload().http is named
            assert (await sign_in(client, address, scene)).status == 200
        made.cert.unlink()
        with pytest.raises(ConfigError, match=r"http\.tls_cert"):
            reload()


async def sign_in(client: aiohttp.ClientSession, address: str, scene: Scene) -> aiohttp.ClientResponse:
    """A person's sign-in with Nostr."""
    url = f"{address}/api/v1/sign-in"
    tags = (("u", url), ("method", "POST"))
    seconds = scene.house.clock.utc_ms() // 1_000
    event = await ADMIN.sign(UnsignedEvent(ADMIN.pubkey, seconds, 27_235, tags, ""))
    shown = {name: getattr(event, name) for name in event.__slots__}
    return await client.post(url, json={"nostr": shown})


async def test_a_wrong_certificate_serves_nothing(tmp_path: Path):
    """Rather no face than one without TLS."""
    settings = HttpSettings(port=0, tls_cert="none.pem", tls_key="none.pem")
    async with open_scene(tmp_path) as scene, AsyncExitStack() as stack:
        with pytest.raises(ConfigError, match=r"http\.tls_cert: none\.pem"):
            await serve_public(scene.house.manager, str, lambda: (b"", ""), settings, scene.desks, stack)
