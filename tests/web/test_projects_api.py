"""Projects over HTTP: read, added, changed, removed, never by a wrong field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.project import Project, PublishPolicy
from agentvoice.errors import NotFound
from agentvoice.storage import projects
from tests.web.api_scene import Scene
from tests.web.door_scene import open_door

FAR = ["wss://far.example"]


async def test_projects_are_listed_and_shown(scene: Scene):
    """The documents of `project list` and `show`: money as a decimal, keys as npubs."""
    (home,) = (await scene.get("/projects"))["projects"]
    assert (home["slug"], home["relays"], home["budget_usd_per_month"]) == (
        "home",
        ["wss://relay.example"],
        None,
    )
    assert home["npub"].startswith("npub1")
    assert await scene.get("/projects/home") == home


async def test_a_caller_is_told_what_the_page_needs(tmp_path: Path):
    """What a call may belong to and where it goes: no budget, no keys, no token of a relay."""
    async with open_door(tmp_path) as door:
        relays = ("wss://relay.example/x?token=secret", "embedded")
        with door.scene.house.database.writing() as session:
            careful = Project("careful", "Read first", "a" * 64, relays, budget_nano_usd_per_month=5)
            projects.create_project(session, careful, 1)
        answer = await door.far("GET", "/projects", Authorization=f"Bearer {door.new_token()}")
        assert (await answer.json())["projects"] == [
            {
                "slug": "careful",
                "title": "Read first",
                "policy": "public",
                "relays": ["wss://relay.example/x", "embedded"],
            },
            {"slug": "home", "title": "Home", "policy": "public", "relays": ["embedded"]},
        ]


async def test_an_added_project_has_a_key_of_its_own(scene: Scene):
    """The key's file is there, so that it signs the root; its secret is in no answer."""
    status, garden = await scene.ask("POST", "/projects", {"slug": "garden", "budget_usd_per_month": "12.5"})
    assert status == 200, garden
    assert (garden["title"], garden["relays"], garden["policy"]) == ("garden", ["embedded"], "public")
    assert garden["budget_usd_per_month"] == "12.50"
    secret = scene.press.keys.read_text(f"file:{garden['npub']}").reveal().strip()
    assert secret not in str(garden)
    before = scene.press.keys.list()
    status, failure = await scene.ask("POST", "/projects", {"slug": "garden"})
    assert (status, failure["error"].split(",")[0]) == (400, "slug: got 'garden'")
    assert scene.press.keys.list() == before


async def test_only_what_is_sent_changes(scene: Scene):
    """Each field of it; a null budget is none, a list is replaced as a whole."""
    before, reader = await scene.get("/projects/home"), KeySigner.generate()
    status, changed = await scene.ask(
        "PATCH", "/projects/home", {"title": "New", "readers": [reader.npub], "budget_usd_per_month": "3"}
    )
    assert (status, changed) == (
        200,
        {**before, "title": "New", "readers": [reader.pubkey], "budget_usd_per_month": "3.00"},
    )
    status, changed = await scene.ask(
        "PATCH", "/projects/home", {"readers": [], "budget_usd_per_month": None}
    )
    assert (status, changed) == (200, {**before, "title": "New"})
    assert await scene.get("/projects/home") == changed


async def test_nothing_leaves_the_machine_unsaid(scene: Scene):
    """The first outside relay wants a policy in the same request, for a new project and an old one."""
    status, failure = await scene.ask("POST", "/projects", {"slug": "garden", "relays": FAR})
    assert (status, failure["error"].split(":")[0]) == (400, "policy")
    await scene.ask("POST", "/projects", {"slug": "garden"})
    status, failure = await scene.ask("PATCH", "/projects/garden", {"relays": FAR})
    assert (status, failure["error"].split(":")[0]) == (400, "policy")
    assert (await scene.get("/projects/garden"))["relays"] == ["embedded"]
    status, garden = await scene.ask("PATCH", "/projects/garden", {"relays": FAR, "policy": "review"})
    assert (status, garden["relays"], garden["policy"]) == (200, FAR, "review")


async def test_the_next_call_follows_a_change(call_scene: Scene):
    """Without a restart; a live call keeps the policy that its caller was told."""
    first = await call_scene.house.live_call()
    change = {"policy": "off", "relays": FAR}
    status, _ = await call_scene.ask("PATCH", "/projects/home", change)
    assert status == 200
    calls = [await call_scene.house.hang_up(first)]
    second = await call_scene.house.live_call()
    calls.append(await call_scene.house.hang_up(second))
    kept = [call_scene.house.call(each.call_id) for each in calls]
    assert [each.policy for each in kept] == [PublishPolicy.PUBLIC, PublishPolicy.OFF]
    assert [each.relays for each in kept] == [("embedded",), tuple(FAR)]


async def test_a_project_is_removed_when_no_call_needs_it(call_scene: Scene):
    """Refused while one is live, as by the command; then no call can be made for it, and none is lost."""
    call = await call_scene.house.live_call()
    status, failure = await call_scene.ask("DELETE", "/projects/home")
    assert (status, failure["exit_code"]) == (403, 4)
    assert "is live or not yet published" in failure["error"]
    outcome = await call_scene.house.hang_up(call)
    assert await call_scene.ask("DELETE", "/projects/home") == (200, {"removed": "home"})
    assert (await call_scene.get(f"/calls/{outcome.call_id}"))["project"] == "home"
    with pytest.raises(NotFound, match="project 'home': no such project"):
        await call_scene.house.start()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/projects", {}, 400, "missing required field `slug`"),
        ("POST", "/projects", {"slug": "A B"}, 400, "slug: got 'A B'"),
        ("POST", "/projects", {"slug": "p", "pubkey": "npub1x"}, 400, "pubkey: "),
        ("POST", "/projects", {"slug": "p", "pubkey": ""}, 400, "pubkey: got nothing"),
        ("PATCH", "/projects/home", {}, 400, "body: got no field"),
        ("PATCH", "/projects/home", {"tilte": "x"}, 400, "unknown field `tilte`"),
        ("PATCH", "/projects/home", {"slug": "other"}, 400, "unknown field `slug`"),
        ("PATCH", "/projects/home", {"title": "x" * 80}, 400, "title: got 80 characters, want 1 to 79"),
        ("PATCH", "/projects/home", {"relays": ["http://x"]}, 400, "relays: got 'http://x'"),
        ("PATCH", "/projects/home", {"redact": ["pattern:("]}, 400, "redact: "),
        ("PATCH", "/projects/home", {"budget_usd_per_month": "-1"}, 400, "want USD such as 12.50"),
        ("PATCH", "/projects/home", {"caller_pubkey": "a" * 63}, 400, "caller_pubkey: "),
        ("PATCH", "/projects/nobody", {"title": "x"}, 404, "no such project"),
        ("GET", "/projects/nobody", None, 404, "no such project"),
        ("DELETE", "/projects/nobody", {}, 404, "no such project"),
        ("DELETE", "/projects/home", {"force": True}, 400, "unknown field `force`"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wanted(
    scene: Scene, method: str, path: str, body: Any, status: int, words: str
):
    """The field is named, and nothing is stored."""
    before = await scene.get("/projects"), scene.press.keys.list()
    got, failure = await scene.ask(method, path, body)
    assert got == status, failure
    assert words in failure["error"]
    assert (await scene.get("/projects"), scene.press.keys.list()) == before
