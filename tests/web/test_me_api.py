"""Who the client is."""

from __future__ import annotations

from tests.web.api_scene import Scene


async def test_a_client_on_this_machine_may_do_all(scene: Scene):
    """Without a token it has both scopes."""
    assert await scene.get("/me") == {"scopes": ["call", "admin"], "name": "local", "npub": None}
