"""The daemon's page and API, in a process of its own, as a browser on this machine meets them."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from tests.fakes.agentvoice_process import Program


@pytest.fixture
async def program(tmp_path: Path) -> Program:
    built = Program(tmp_path / "home")
    await built.must("agent", "add", "ada")
    return built


async def test_the_page_and_the_api_are_served(program: Program):
    """The page with its headers; an agent that is added over HTTP is the command line's as well."""
    async with program.daemon() as daemon, aiohttp.ClientSession() as http:
        address = (await daemon.logged("ready"))["http"]
        page = await http.get(address)
        assert (page.status, page.content_type) == (200, "text/html")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        added = await http.post(f"{address}/api/v1/agents", json={"slug": "max", "name": "Max"})
        assert added.status == 200
        listed = await (await http.get(f"{address}/api/v1/agents")).json()
        assert listed == (await program.must("agent", "list", "--json")).document
        foreign = {"Origin": "https://other.example"}
        refused = await http.post(f"{address}/api/v1/agents/max/disable", json={}, headers=foreign)
        assert refused.status == 403
    npub = (await added.json())["npub"]
    assert (program.home / "keys" / npub).stat().st_mode & 0o777 == 0o600


async def test_a_watcher_does_not_hold_up_the_stop(program: Program):
    """A stream of events ends with the daemon, cleanly."""
    async with program.daemon() as daemon, aiohttp.ClientSession() as http:
        address = (await daemon.logged("ready"))["http"]
        async with http.get(f"{address}/api/v1/events") as stream:
            assert stream.status == 200
            assert await daemon.stop() == 0
            await stream.content.read()
        assert [entry for entry in daemon.log if entry.get("level") == "error"] == []
