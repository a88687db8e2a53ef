"""The whole API against its own description: every address, with everything that it allows, and more."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from agentvoice.core.project import PublishPolicy
from agentvoice.web.api import ENDPOINTS
from tests.web.api_scene import Scene
from tools.api_page import render_openapi

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
EXAMPLES = 15
"""Requests to each address and kind; a nightly run may ask for many more."""


def test_each_address_is_there_once():
    """No two endpoints share method and path, or a name in the description."""
    assert len({(each.method, each.path) for each in ENDPOINTS}) == len(ENDPOINTS)
    names = [each.handler.__name__ for each in ENDPOINTS]
    assert len(set(names)) == len(names)


async def test_the_description_is_served(scene: Scene):
    """As a document of its own, the same that is committed."""
    assert await scene.get("/openapi.json") == json.loads(render_openapi())


async def test_schemathesis_finds_no_fault(scene: Scene, tmp_path: Path):
    """Whatever is sent: no fault of the server, and every answer as described. The stream has no end."""
    scene.press.finish_call(policy=PublishPolicy.REVIEW)
    scene.press.finish_call("0191" * 8)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        str(scene.client.make_url("/api/v1/openapi.json")),
        f"--checks={','.join(CHECKS)}",
        f"--max-examples={EXAMPLES}",
        "--exclude-path=/api/v1/events",
        "--seed=1",
        "--no-color",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
