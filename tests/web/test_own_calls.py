"""A client with scope `call` and the calls that it made, over real sockets; each address's answers are in
test_authorization.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.call import CallState
from agentvoice.core.client import Scope
from agentvoice.storage import projects
from agentvoice.web.door import COOKIE
from tests.services.conftest import PROJECT
from tests.web.api_scene import NO_CALL
from tests.web.door_scene import FAR, SITE, DoorScene, open_door
from tests.web.test_events_api import after_a_look, next_event

WORDS = "A heron stood there."


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[DoorScene]:
    async with open_door(tmp_path) as opened:
        yield opened


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def read(door: DoorScene, path: str, **headers: str) -> Any:
    """The document of an address that has one."""
    answer = await door.far("GET", path, **headers)
    document = await answer.json()
    assert answer.status == 200, document
    return document


async def begin_call(door: DoorScene, **headers: str) -> tuple[Any, str]:
    """A call over the call socket, as a program makes it; returns the socket and the call's id."""
    socket = await door.client.ws_connect("/call", headers={**FAR, "Origin": SITE, **headers})
    await socket.send_json({"type": "start", "agent": "ada", "transport": "text"})
    async with asyncio.timeout(20):
        while (frame := await socket.receive_json())["type"] != "started":
            pass
    return socket, frame["call"]


async def until_ended(door: DoorScene, call: str) -> None:
    """The call is over, and stored as such."""
    house = door.scene.house
    async with asyncio.timeout(20):
        while house.call(call).state is not CallState.ENDED:
            await house.settle()
            await house.clock.advance(1.0)


async def test_a_caller_reads_its_call_once_it_hung_up(door: DoorScene):
    """Live and over: the call, its place among its calls, its thread; nobody else's token finds any of it."""
    mine, other = bearer(door.new_token()), bearer(door.new_token())
    socket, call = await begin_call(door, **mine)
    assert (await read(door, f"/calls/{call}", **mine))["state"] in ("connecting", "live")
    await socket.send_json({"type": "hang_up"})
    await until_ended(door, call)
    document = await read(door, f"/calls/{call}", **mine)
    assert (document["id"], document["end_reason"]) == (call, "caller")
    assert (await read(door, "/calls/last", **mine)) == document
    assert [each["id"] for each in (await read(door, "/calls", **mine))["calls"]] == [call]
    assert (await read(door, f"/publications/{call}", **mine))["call"] == call
    assert (await read(door, "/calls", **other)) == {"calls": []}
    for path in (f"/calls/{call}", "/calls/last", f"/publications/{call}"):
        assert (await door.far("GET", path, **other)).status == 404, path


async def test_a_call_of_somebody_else_is_answered_as_none(door: DoorScene):
    """Word for word but for its id, whatever is asked of it; and it goes on."""
    mine, other = bearer(door.new_token()), bearer(door.new_token())
    socket, call = await begin_call(door, **other)
    for method, path, body in (
        ("GET", "/calls/{}", None),
        ("GET", "/publications/{}", None),
        ("POST", "/calls/{}/end", {}),
        ("POST", "/calls/{}/switch", {"agent": "max"}),
        ("POST", "/calls/{}/switch", {"agent": 5}),
        ("POST", "/calls/{}/do-not-publish", {}),
    ):
        answers = [await door.far(method, path.format(id), body, **mine) for id in (call, NO_CALL)]
        foreign, none = [(each.status, (await each.text()).replace(call, NO_CALL)) for each in answers]
        assert foreign == none, path
        assert foreign[0] == 404
    stored = door.scene.house.call(call)
    assert (stored.state, stored.do_not_publish) == (CallState.LIVE, False)
    await socket.close()
    await until_ended(door, call)


async def test_a_caller_acts_on_its_own_live_call(door: DoorScene):
    """It may switch, keep it unpublished and end it, from another place than the socket; it ended as the caller's."""
    mine = bearer(door.new_token())
    socket, call = await begin_call(door, **mine)
    house = door.scene.house
    await house.until(lambda: house.call(call).state is CallState.LIVE)
    for verb, body in (("switch", {"agent": "max"}), ("do-not-publish", {}), ("end", {})):
        answer = await door.far("POST", f"/calls/{call}/{verb}", body, **mine)
        assert answer.status == 204, await answer.text()
    await until_ended(door, call)
    document = await read(door, f"/calls/{call}", **mine)
    assert (document["agents"], document["end_reason"]) == (["ada", "max"], "caller")
    assert house.call(call).do_not_publish
    await socket.close()


async def test_a_search_finds_a_caller_s_own_calls_alone(door: DoorScene):
    """What was said in calls of others is not found, by words, project or page."""
    token, admin = door.new_token(), door.new_token(Scope.ADMIN)
    own = door.store_call(door.caller_of(token), words=WORDS)
    foreign = door.store_call("local", words=WORDS)
    for query, found in (("query=heron", [own]), (f"before={foreign}", [own]), ("project=home", [own])):
        calls = (await read(door, f"/calls?{query}", **bearer(token)))["calls"]
        assert [each["id"] for each in calls] == found, query
    assert len((await read(door, "/calls?query=heron", **bearer(admin)))["calls"]) == 2


async def test_a_new_cookie_of_a_token_sees_its_calls(door: DoorScene):
    """Signed in again, or with the token itself: one caller. Another token of that name is another one."""
    token, namesake = door.new_token(), door.new_token()
    call = door.store_call(door.caller_of(token))
    for _ in range(2):
        answer = await door.far("POST", "/sign-in", {"token": token})
        cookie = {"Cookie": f"{COOKIE}={answer.cookies[COOKIE].value}"}
        assert (await read(door, "/me", **cookie))["name"] == (await read(door, "/me", **bearer(namesake)))[
            "name"
        ]
        assert (await read(door, "/calls/last", **cookie))["id"] == call
        await door.far("POST", "/sign-out", **cookie)
    assert (await door.far("GET", f"/calls/{call}", **bearer(namesake))).status == 404


async def test_an_npub_sees_its_calls_whenever_it_signs_in(door: DoorScene):
    """Each sign-in by the same key is the same caller, a key of the same project is not."""
    signers = KeySigner.generate(), KeySigner.generate()
    with door.scene.house.database.writing() as session:
        pubkeys = tuple(each.pubkey for each in signers)
        projects.update_project(session, replace(PROJECT, callers=pubkeys), door.clock.utc_ms())
    call = door.store_call(signers[0].npub)
    for signer, found in ((signers[0], 200), (signers[0], 200), (signers[1], 404)):
        await door.clock.advance(1.0)  # an event serves once
        proof = await door.proof(f"{SITE}/api/v1/sign-in", signer)
        answer = await door.far("POST", "/sign-in", {"nostr": proof})
        cookie = {"Cookie": f"{COOKIE}={answer.cookies[COOKIE].value}"}
        assert (await door.far("GET", f"/calls/{call}", **cookie)).status == found


async def test_an_admin_sees_all_calls(door: DoorScene):
    """Whoever made them, and `last` is the newest of all; ended by it, a call ended by the operator."""
    admin = bearer(door.new_token(Scope.ADMIN))
    door.store_call("npub1maia")
    assert len((await read(door, "/calls", **admin))["calls"]) == 1
    socket, call = await begin_call(door, **bearer(door.new_token()))
    assert (await door.far("POST", f"/calls/{call}/end", **admin)).status == 204
    await until_ended(door, call)
    assert (await read(door, f"/calls/{call}", **admin))["end_reason"] == "operator"
    await socket.close()


async def test_a_caller_is_told_of_its_own_calls(door: DoorScene):
    """From its open call to the end of it, and nothing of what others do meanwhile."""
    mine, other = bearer(door.new_token()), bearer(door.new_token())
    await begin_call(door, **other)
    socket, call = await begin_call(door, **mine)
    headers = {**FAR, **mine}
    async with door.client.get("/api/v1/events", headers=headers) as stream:
        name, summary = await next_event(stream)
        assert (name, summary["id"]) == ("call", call)
        await door.far("POST", "/calls/last/end", **other)
        await socket.send_json({"type": "hang_up"})
        while summary["state"] != "ended":
            name, summary = await after_a_look(door.scene, stream)
            assert (name, summary["id"]) == ("call", call)
