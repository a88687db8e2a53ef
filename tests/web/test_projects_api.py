"""Projects over HTTP."""

from __future__ import annotations

from tests.web.api_scene import Scene


async def test_projects_are_listed(scene: Scene):
    """The documents of `project list`: money as a decimal, keys as npubs."""
    (home,) = (await scene.get("/projects"))["projects"]
    assert (home["slug"], home["relays"], home["budget_usd_per_month"]) == (
        "home",
        ["wss://relay.example"],
        None,
    )
    assert home["npub"].startswith("npub1")
