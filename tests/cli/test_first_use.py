"""`agentvoice serve --first-use`: a new home is ready for a call from the page."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.agentvoice_process import Program


async def test_a_new_home_gets_agents_and_a_project_and_says_where_the_page_is(
    tmp_path: Path, models_home: Path
):
    """Two agents with keys and a project of one's own are there; the last line of the start is the address."""
    program = Program(tmp_path / "home")
    program.home.mkdir(mode=0o700)
    (program.home / "models").symlink_to(models_home / "models")
    for _ in range(2):  # the second time everything is there, and stays
        daemon = await program.start_daemon("--first-use")
        address = (await daemon.logged("ready"))["http"]
        told = await daemon.logged("not json")
        assert told["line"].strip() == f"The call page is at {address}/"
        await daemon.stop()
    agents = (await program.must("agent", "list", "--json")).document["agents"]
    assert [(agent["slug"], agent["revision"]) for agent in agents] == [("ada", 1), ("max", 1)]
    projects = (await program.must("project", "list", "--json")).document["projects"]
    assert {project["slug"] for project in projects} == {"default", "demo"}
