"""Agents over HTTP: read, added, changed, never by a wrong field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.errors import NotFound
from agentvoice.protocols.nostr.nip19 import encode_npub
from tests.services.press import CALL_ID
from tests.web.api_scene import Scene
from tests.web.door_scene import open_door


async def test_agents_are_listed_and_shown(scene: Scene):
    """The documents of `agent list` and `agent show`."""
    listed = (await scene.get("/agents"))["agents"]
    assert [each["slug"] for each in listed] == ["ada", "max"]
    ada = await scene.get("/agents/ada")
    assert ada == {**listed[0], "profile": []}
    assert (ada["npub"], ada["revision"]) == (encode_npub(scene.press.pubkeys["ada"]), 1)


async def test_a_caller_is_told_who_there_is(tmp_path: Path):
    """Whom it may call: not what an agent was told, nor by which engine, tools and keys it works."""
    async with open_door(tmp_path) as door:
        answer = await door.far("GET", "/agents", Authorization=f"Bearer {door.new_token()}")
        ada, other = (await answer.json())["agents"]
        assert ada.pop("npub").startswith("npub1")
        assert ada == {"slug": "ada", "name": "Ada", "about": "", "picture": "", "enabled": True}
        assert other["slug"] == "max"


async def test_an_added_agent_has_a_key_of_its_own(scene: Scene):
    """The key's file is there, so that it can sign; the same slug again is refused and leaves no file."""
    status, eve = await scene.ask("POST", "/agents", {"slug": "eve", "name": "Eve", "greeting": "Eve here."})
    assert (status, eve["revision"], eve["greeting"]) == (200, 1, "Eve here.")
    assert f"file:{eve['npub']}" in scene.press.keys.list()
    before = scene.press.keys.list()
    status, failure = await scene.ask("POST", "/agents", {"slug": "eve", "name": "Eve"})
    assert (status, failure["error"].split(",")[0]) == (400, "slug: got 'eve'")
    assert scene.press.keys.list() == before


async def test_an_agent_may_sign_with_a_known_key(scene: Scene):
    """`key` names one by its npub; one that is not here is not found."""
    npub = encode_npub(scene.press.pubkeys["max"])
    status, eve = await scene.ask("POST", "/agents", {"slug": "eve", "name": "Eve", "key": npub})
    assert (status, eve["npub"]) == (200, npub)
    status, failure = await scene.ask("PUT", "/agents/eve", {"name": "Eve", "key": KeySigner.generate().npub})
    assert (status, failure["exit_code"]) == (404, 3)
    assert "nothing here can sign as" in failure["error"]


async def test_what_was_read_is_sent_back_changed(scene: Scene):
    """The document itself is taken, its key stays, and the history says what changed."""
    ada = await scene.get("/agents/ada")
    ada["greeting"] = "Good day."
    ada["local"]["silence_ms"] = 600
    status, changed = await scene.ask("PUT", "/agents/ada", ada)
    assert (status, changed["revision"], changed["npub"]) == (200, 2, ada["npub"])
    revisions = (await scene.get("/agents/ada/history"))["revisions"]
    assert [each["changed"] for each in revisions] == [["added"], ["greeting", "local"]]
    status, failure = await scene.ask("PUT", "/agents/ada", ada)
    assert (status, failure["exit_code"]) == (409, 4)
    assert "revision: got 1, want 2" in failure["error"]


async def test_an_agent_is_disabled_and_enabled(scene: Scene):
    """Each is a revision of its own."""
    for verb, enabled in (("disable", False), ("enable", True)):
        status, ada = await scene.ask("POST", f"/agents/ada/{verb}")
        assert (status, ada["enabled"]) == (200, enabled)


async def test_where_an_agents_profile_stands_is_shown(scene: Scene):
    """Each relay that has a thread of it, as `agent show` has it; the document can be sent back."""
    scene.press.finish_call()
    await scene.press.publisher().prepare(CALL_ID)
    ada = await scene.get("/agents/ada")
    (standing,) = ada["profile"]
    assert (standing["relay"], standing["state"], standing["attempts"]) == (
        "wss://relay.example",
        "waiting",
        0,
    )
    status, changed = await scene.ask("PUT", "/agents/ada", {**ada, "about": "Knows plants."})
    assert (status, changed["about"]) == (200, "Knows plants.")


async def test_a_removed_agent_takes_no_more_calls(call_scene: Scene):
    """At once and without a restart; a call that it is in goes on, as after the command."""
    call = await call_scene.house.live_call()
    assert await call_scene.ask("DELETE", "/agents/ada") == (200, {"removed": "ada"})
    assert [each["slug"] for each in (await call_scene.get("/agents"))["agents"]] == ["max"]
    with pytest.raises(NotFound, match="agent 'ada': no such agent"):
        await call_scene.house.start("ada")
    assert not call.done()
    outcome = await call_scene.house.hang_up(call)
    assert (await call_scene.get(f"/calls/{outcome.call_id}"))["agents"] == ["ada"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/agents", {"name": "Eve"}, 400, "slug: got nothing, want text"),
        (
            "POST",
            "/agents",
            {"slug": "eve", "name": "Eve", "greting": ""},
            400,
            "greting: unknown key; did you",
        ),
        (
            "POST",
            "/agents",
            {"slug": "eve", "name": "Eve", "local": {"silence_ms": "1"}},
            400,
            "local.silence_ms",
        ),
        (
            "POST",
            "/agents",
            {"slug": "eve", "name": "Eve", "local": {"voice": "x"}},
            400,
            "local.voice: got 'x'",
        ),
        ("PUT", "/agents/eve", {"name": "Eve"}, 404, "no such agent"),
        ("PUT", "/agents/ada", {"slug": "max", "name": "Max"}, 400, "a slug never changes"),
        ("GET", "/agents/eve", None, 404, "no such agent"),
        ("GET", "/agents/eve/history", None, 404, "no such agent"),
        ("DELETE", "/agents/eve", {}, 404, "no such agent"),
        ("DELETE", "/agents/ada", {"force": True}, 400, "unknown field `force`"),
        ("POST", "/agents/eve/enable", {}, 404, "no such agent"),
        ("POST", "/agents/ada/enable", {"now": True}, 400, "unknown field `now`"),
        ("GET", "/agents/%0A", None, 400, "want text without control characters"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wanted(
    scene: Scene, method: str, path: str, body: Any, status: int, words: str
):
    """The field is named, and nothing is stored."""
    got, failure = await scene.ask(method, path, body)
    assert got == status, failure
    assert words in failure["error"]
    assert [each["revision"] for each in (await scene.get("/agents"))["agents"]] == [1, 1]
