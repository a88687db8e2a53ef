"""Calls and streams that are open when their client is let in no more, over real sockets.

What takes the right away is done by another process: over a connection of its own to the database.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientResponse

from agentvoice.config import SignInSettings
from agentvoice.core.call import EndReason
from agentvoice.core.client import Scope
from agentvoice.core.token import token_id
from agentvoice.services.presence import LOOK_AGAIN_S
from agentvoice.storage import projects, sign_ins, tokens
from agentvoice.web.call_socket import NO_MORE_LET_IN
from agentvoice.web.door import COOKIE
from agentvoice.web.keys import DOOR
from tests.services.conftest import PROJECT
from tests.web.door_scene import ADMIN, FAR, SETTINGS, SITE, open_door
from tests.web.street import LIMIT_S, OWN_PROJECT, Street, last_frame

GARDEN = replace(OWN_PROJECT, slug="garden")


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with open_door(tmp_path) as door:
        built = Street(door, tmp_path)
        yield built
        built.other.close()


# --- ways in, and how each ends -------------------------------------------------------------


async def by_token(street: Street) -> tuple[dict[str, str], Callable[[], object]]:
    """A program with a token that is revoked."""
    token = street.door.new_token()

    def revoke() -> None:
        with street.other.writing() as session:
            tokens.revoke_token(session, token_id(token), street.house.clock.utc_ms())

    return {**FAR, "Authorization": f"Bearer {token}"}, revoke


async def by_forgotten_token(street: Street) -> tuple[dict[str, str], Callable[[], object]]:
    """A browser that signed in by a token that is deleted, and the browser's sign-in with it."""
    token = street.door.new_token()

    def forget() -> None:
        with street.other.writing() as session:
            tokens.forget_token(session, token_id(token))

    return await street.cookie({"token": token}), forget


async def by_cookie_that_signs_out(street: Street) -> tuple[dict[str, str], Callable[[], object]]:
    """A browser that signs out in another tab."""
    headers = await street.cookie({"token": street.door.new_token()})

    def sign_out() -> None:
        cookie = headers["Cookie"].removeprefix(f"{COOKIE}=")
        with street.other.writing() as session:
            sign_ins.end_sign_in(session, cookie, street.house.clock.utc_ms())

    return headers, sign_out


async def by_project(street: Street) -> tuple[dict[str, str], Callable[[], object]]:
    """A person whom the project does not have any more."""
    headers = await street.guest()

    def take_out() -> None:
        with street.other.writing() as session:
            projects.update_project(session, PROJECT, street.house.clock.utc_ms())

    return headers, take_out


async def by_settings(street: Street) -> tuple[dict[str, str], Callable[[], object]]:
    """A person who was taken out of the settings, which were read again."""
    headers = await street.cookie({"nostr": await street.door.proof(f"{SITE}/api/v1/sign-in", ADMIN)})
    app = street.door.client.server.app  # type: ignore[attr-defined] # a TestServer has one
    return headers, lambda: app[DOOR].desk.use_settings(SignInSettings())


async def by_open_door(street: Street) -> tuple[dict[str, str], Callable[[], object]]:
    """This machine, until a first token is made."""
    return {}, lambda: str(street.door.new_token())


WAYS = (by_token, by_forgotten_token, by_cookie_that_signs_out, by_project, by_settings, by_open_door)


@pytest.mark.parametrize("transport", ["page", "device"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_a_call_ends_when_its_client_is_let_in_no_more(street: Street, way: Any, transport: str):
    """Properly, as by the operator; the client is told why, nothing is held, and its call goes to be published."""
    headers, take_away = await way(street)
    socket, started = await street.call(headers, transport)
    await street.look(2)
    assert street.house.manager.live_calls == (started["call"],)
    take_away()
    await street.house.clock.advance(LOOK_AGAIN_S)
    ended = await street.end_of(lambda: last_frame(socket))
    assert (ended["type"], ended["call"], ended["reason"]) == ("ended", started["call"], "operator")
    assert "want a new sign-in" in ended["error"]
    assert socket.close_code == NO_MORE_LET_IN
    assert street.house.call(started["call"]).end_reason is EndReason.OPERATOR
    assert street.house.ended == [started["call"]]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await street.door.client.ws_connect("/call", headers=headers)
    assert refused.value.status == 401


async def test_a_call_whose_token_expires_ends(street: Street):
    """Not before the minute is over, and at most an interval later."""
    token = street.door.new_token(minutes=1)
    socket, started = await street.call({**FAR, "Authorization": f"Bearer {token}"})
    await street.house.clock.advance(59)
    assert street.house.manager.live_calls == (started["call"],)
    await street.house.clock.advance(1 + LOOK_AGAIN_S)
    ended = await street.end_of(lambda: last_frame(socket))
    assert (ended["reason"], socket.close_code) == ("operator", NO_MORE_LET_IN)


async def test_a_guest_keeps_the_project_that_is_left(street: Street):
    """Who may call one project less keeps a call of the other one."""
    with street.other.writing() as session:
        projects.create_project(session, GARDEN, street.house.clock.utc_ms())
    socket, _ = await street.call(await street.guest())
    (stay,) = street.presence._stays
    for project, is_out in ((replace(GARDEN, callers=()), False), (GARDEN, False), (PROJECT, True)):
        with street.other.writing() as session:
            projects.update_project(session, project, street.house.clock.utc_ms())
        await street.look()
        assert bool(stay.why) is is_out
    ended = await street.end_of(lambda: last_frame(socket))
    assert (ended["reason"], socket.close_code) == ("operator", NO_MORE_LET_IN)


async def test_the_hour_of_a_sign_in_ends_no_call(tmp_path: Path):
    """Whoever has to sign in again may finish what they say; a stream of theirs ends."""
    settings = replace(SETTINGS, sign_in=replace(SETTINGS.sign_in, hours=0.1))
    async with open_door(tmp_path, settings) as door:
        street = Street(door, tmp_path)
        token = door.new_token(Scope.ADMIN)
        headers = await street.cookie({"token": token})
        socket, started = await street.call(headers)
        stream = await door.client.get("/api/v1/events", headers=headers)
        await street.house.clock.advance(6 * 60)
        assert b"event: refused" in await street.end_of(stream.content.read)
        assert street.house.manager.live_calls == (started["call"],)
        assert (await door.client.get("/api/v1/me", headers=headers)).status == 401
        with street.other.writing() as session:
            tokens.revoke_token(session, token_id(token), street.house.clock.utc_ms())
        ended = await street.end_of(lambda: last_frame(socket))
        assert (ended["reason"], socket.close_code) == ("operator", NO_MORE_LET_IN)
        street.other.close()


async def test_a_held_call_does_not_wait_for_a_caller_who_may_not_come_back(street: Street):
    """It ends at the next look; whoever else has its key cannot take it up."""
    headers, revoke = await by_token(street)
    socket, started = await street.call(headers)
    await socket.close()
    revoke()
    other = {**FAR, "Authorization": f"Bearer {street.door.new_token()}"}
    taking = await street.door.client.ws_connect("/call", headers=other)
    await taking.send_json({"type": "resume", "call": started["call"], "key": started["key"]})
    refused = await last_frame(taking)
    assert (refused["type"], refused["exit_code"]) == ("refused", 3)
    await street.house.clock.advance(LOOK_AGAIN_S)
    await street.house.until(lambda: not street.house.manager.live_calls)
    assert street.house.call(started["call"]).end_reason is EndReason.OPERATOR


async def test_a_caller_who_signs_in_anew_goes_on(street: Street):
    """Whoever comes back by a new cookie is looked at by that: the end of the old one ends nothing."""
    token = street.door.new_token()
    old, new = [await street.cookie({"token": token}) for _ in range(2)]
    socket, started = await street.call(old)
    await socket.close()
    back = await street.door.client.ws_connect("/call", headers=new)
    await back.send_json({"type": "resume", "call": started["call"], "key": started["key"]})
    assert json.loads((await back.receive(LIMIT_S)).data)["type"] == "resumed"
    assert (await street.door.far("POST", "/sign-out", Cookie=old["Cookie"])).status == 204
    await street.look(2)
    assert street.house.manager.live_calls == (started["call"],)
    assert (await street.door.far("POST", "/sign-out", Cookie=new["Cookie"])).status == 204
    await street.house.clock.advance(LOOK_AGAIN_S)
    ended = await street.end_of(lambda: last_frame(back))
    assert (ended["reason"], back.close_code) == ("operator", NO_MORE_LET_IN)


@pytest.mark.parametrize("transport", ["page", "device"])
async def test_what_is_over_is_looked_at_no_more(street: Street, transport: str):
    """A call that was hung up and a stream that was left are forgotten."""
    token = street.door.new_token(Scope.ADMIN)
    presence = street.presence
    socket, _ = await street.call({**FAR, "Authorization": f"Bearer {token}"}, transport)
    stream = await street.door.far("GET", "/events", Authorization=f"Bearer {token}")
    assert len(presence._stays) == 2
    await socket.send_json({"type": "hang_up"})
    ended = await street.end_of(lambda: last_frame(socket))
    assert (ended["reason"], ended["error"], socket.close_code) == ("caller", "", aiohttp.WSCloseCode.OK)
    stream.close()
    async with asyncio.timeout(LIMIT_S):
        while presence._stays:  # that a stream is left is seen when it is written to
            await street.house.clock.advance(1)
    assert presence._looking is None


async def test_another_clients_call_goes_on(street: Street):
    """What is taken from one is taken from nobody else."""
    headers, revoke = await by_token(street)
    gone, _ = await street.call(headers)
    stays, started = await street.call({**FAR, "Authorization": f"Bearer {street.door.new_token()}"})
    revoke()
    await street.house.clock.advance(LOOK_AGAIN_S)
    await street.end_of(lambda: last_frame(gone))
    await street.look(2)
    assert street.house.manager.live_calls == (started["call"],)
    await stays.close()


async def test_a_stream_ends_when_its_client_is_let_in_no_more(street: Street):
    """Its last event says why; an admin who stays is told on."""
    token, other = (street.door.new_token(Scope.ADMIN) for _ in range(2))
    watching, staying = [
        await street.door.far("GET", "/events", Authorization=f"Bearer {each}") for each in (token, other)
    ]
    await street.house.clock.advance(LOOK_AGAIN_S)
    with street.other.writing() as session:
        tokens.revoke_token(session, token_id(token), street.house.clock.utc_ms())
    await street.house.clock.advance(LOOK_AGAIN_S)
    *_, name, data, _ = (await street.end_of(watching.content.read)).decode().split("\n")[:-1]
    assert name == "event: refused"
    refused = json.loads(data.removeprefix("data: "))
    assert (refused["exit_code"], "'admin' has expired, was revoked" in refused["error"]) == (4, True)
    assert await still_told(street, staying)
    staying.close()


async def still_told(street: Street, stream: ClientResponse) -> bool:
    """Whether a stream says, in time, that it lives."""
    line = await street.end_of(stream.content.readline)
    return bool(line) and not stream.content.at_eof()
