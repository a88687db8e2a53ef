"""Signing in and out over HTTP."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.client import Scope
from agentvoice.core.project import Project
from agentvoice.storage import projects
from agentvoice.web.door import COOKIE
from agentvoice.web.endpoint import API
from tests.web.door_scene import ADMIN, FAR, SITE, DoorScene, open_door

URL = f"{SITE}{API}/sign-in"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[DoorScene]:
    async with open_door(tmp_path) as opened:
        yield opened


async def test_a_browser_signs_in_by_a_token(door: DoorScene):
    """It gets a cookie that no script and no other site can use, over TLS alone if there is TLS."""
    token = door.new_token(Scope.ADMIN, minutes=5)
    answer = await door.far("POST", "/sign-in", {"token": token})
    assert await answer.json() == {"scopes": ["call", "admin"], "name": "admin", "npub": None}
    cookie = answer.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert (cookie["secure"], cookie["max-age"]) == (True, "300")
    assert token not in answer.headers["Set-Cookie"]
    plain = await door.ask("POST", "/sign-in", {"token": token}, Origin=door.site)
    assert not plain.cookies[COOKIE]["secure"]


async def test_a_person_signs_in_with_nostr(door: DoorScene):
    """By an event in the body, as the page sends it, or in the header that NIP-98 has for it."""
    answer = await door.far("POST", "/sign-in", {"nostr": await door.proof(URL)})
    assert await answer.json() == {"scopes": ["call", "admin"], "name": ADMIN.npub, "npub": ADMIN.npub}
    me = await door.far("GET", "/me", Cookie=f"{COOKIE}={answer.cookies[COOKIE].value}")
    assert (await me.json())["npub"] == ADMIN.npub
    payload = ("payload", hashlib.sha256(b"{}").hexdigest())
    header = b64encode(json.dumps(await door.proof(URL, ADMIN, payload)).encode()).decode()
    assert (await door.far("POST", "/sign-in", {}, Authorization=f"Nostr {header}")).status == 200
    again = await door.far("POST", "/sign-in", {}, Authorization=f"Nostr {header}")
    assert (again.status, "already" in await again.text()) == (401, True)


async def test_a_projects_caller_sees_and_calls_that_project_alone(door: DoorScene):
    """The others are not on its list, and a call of theirs is refused before there is one."""
    guest = KeySigner.generate()
    garden = Project("garden", "Garden", "a" * 64, callers=(guest.pubkey,))
    with door.scene.house.database.writing() as session:
        projects.create_project(session, garden, door.clock.utc_ms())
    answer = await door.far("POST", "/sign-in", {"nostr": await door.proof(URL, guest)})
    assert (await answer.json())["scopes"] == ["call"]
    cookie = f"{COOKIE}={answer.cookies[COOKIE].value}"
    listed = await (await door.far("GET", "/projects", Cookie=cookie)).json()
    assert [project["slug"] for project in listed["projects"]] == ["garden"]
    headers = {**FAR, "Origin": SITE, "Cookie": cookie}
    async with door.client.ws_connect("/call", headers=headers) as socket:
        await socket.send_str('{"type":"start","agent":"ada","project":"home"}')
        assert "want one that you may call: garden" in await socket.receive_str()
    assert door.scene.house.engine.sessions == []


async def test_an_event_for_another_address_is_refused(door: DoorScene):
    """What another site got signed is worth nothing here, nor what a stranger signed."""
    for url, signer, words in (
        (f"https://evil.example{API}/sign-in", ADMIN, "nostr.u"),
        (f"http://calls.example{API}/sign-in", ADMIN, "nostr.u"),
        (URL, KeySigner.generate(), "neither among"),
    ):
        answer = await door.far("POST", "/sign-in", {"nostr": await door.proof(url, signer)})
        assert (answer.status, words in await answer.text()) == (401, True)
        assert "Set-Cookie" not in answer.headers
    payload = ("payload", hashlib.sha256(b"{}").hexdigest())
    in_the_body = await door.far("POST", "/sign-in", {"nostr": await door.proof(URL, ADMIN, payload)})
    assert (in_the_body.status, "nostr.payload" in await in_the_body.text()) == (401, True)


@pytest.mark.parametrize(
    "body", [{}, {"token": 1}, {"nostr": {}}, {"tokn": "x"}, {"token": "a", "nostr": {}}]
)
async def test_a_body_that_is_none_is_named(door: DoorScene, body: object):
    """Wrong input, not a wrong token."""
    answer = await door.far("POST", "/sign-in", body)
    failure = await answer.json()
    assert (answer.status, failure["exit_code"]) == (400, 2)
    assert failure["error"].startswith(("body: ", "nostr: event.id: "))


@pytest.mark.parametrize("header", ["Nostr", "Nostr ", "Nostr ???", "Nostr e30="])
async def test_a_header_that_is_none_is_named(door: DoorScene, header: str):
    """The same for an event in the header."""
    answer = await door.far("POST", "/sign-in", {}, Authorization=header)
    assert answer.status == 400
    assert "got" in await answer.text() or "missing" in await answer.text()


async def test_a_browser_signs_out(door: DoorScene):
    """Its cookie is taken back and worth nothing; whoever is not signed in may sign out too."""
    signed_in = await door.far("POST", "/sign-in", {"token": door.new_token()})
    cookie = f"{COOKIE}={signed_in.cookies[COOKIE].value}"
    out = await door.far("POST", "/sign-out", Cookie=cookie)
    assert (out.status, out.cookies[COOKIE]["max-age"]) == (204, "0")
    assert (await door.far("GET", "/me", Cookie=cookie)).status == 401
    assert (await door.far("POST", "/sign-out")).status == 204


async def test_another_site_signs_nobody_in_or_out(door: DoorScene):
    """Not with a form, not with a script."""
    token = door.new_token()
    for path in ("/sign-in", "/sign-out"):
        assert (await door.far("POST", path, {"token": token}, Origin="https://evil.example")).status == 403
        plain = await door.far("POST", path, {"token": token}, **{"Content-Type": "text/plain"})
        assert plain.status == 403
