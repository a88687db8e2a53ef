"""Projects over HTTP."""

from __future__ import annotations

from pathlib import Path

from agentvoice.core.project import Project
from agentvoice.storage import projects
from tests.web.api_scene import Scene
from tests.web.door_scene import open_door


async def test_projects_are_listed(scene: Scene):
    """The documents of `project list`: money as a decimal, keys as npubs."""
    (home,) = (await scene.get("/projects"))["projects"]
    assert (home["slug"], home["relays"], home["budget_usd_per_month"]) == (
        "home",
        ["wss://relay.example"],
        None,
    )
    assert home["npub"].startswith("npub1")


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
