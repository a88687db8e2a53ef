"""`agentvoice call switch|end`, `publication retry`, against a control socket that answers by script."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiohttp import web

from tests.fakes.agentvoice_process import Program

CALL = "0190" * 8


class Daemon:
    """Health, and one answer to everything that is posted."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.status, self.body = 204, b""
        self.posted: list[tuple[str, object]] = []

    async def healthz(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def post(self, request: web.Request) -> web.Response:
        self.posted.append((request.path, await request.json()))
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    with TemporaryDirectory(prefix="agentvoice-test-") as folder:  # short: a socket's name is bounded
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        built = Daemon(Program(home))
        app = web.Application()
        app.router.add_get("/healthz", built.healthz)
        app.router.add_post("/{path:.*}", built.post)
        runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, str(home / "agentvoice.sock")).start()
        yield built
        await runner.cleanup()


async def test_what_is_asked_reaches_the_daemon(daemon: Daemon):
    """Switch and end need no database; the answer is one line, or one document."""
    switched = await daemon.program.must("call", "switch", CALL, "max")
    ended = await daemon.program.must("call", "end", CALL, "--json")
    assert daemon.posted == [
        (f"/api/v1/calls/{CALL}/switch", {"agent": "max"}),
        (f"/api/v1/calls/{CALL}/end", {}),
    ]
    assert switched.out == "max has taken the call\n"
    assert ended.document == {"call": CALL, "ended": True}


@pytest.mark.parametrize(("status", "exit_code"), [(404, 3), (500, 1)])
async def test_a_refusal_is_one_line_with_its_exit_code(daemon: Daemon, status: int, exit_code: int):
    """The daemon's words and exit code are the command's."""
    daemon.status = status
    daemon.body = json.dumps({"error": "call x: it cannot be", "exit_code": exit_code}).encode()
    finished = await daemon.program.run("call", "end", CALL)
    assert finished.exit_code == exit_code
    assert finished.complaint == "call x: it cannot be"


async def test_without_a_daemon_there_is_nobody_to_ask(tmp_path: Path):
    """Exit 3 with the socket's path, and where such a call is ended."""
    finished = await Program(tmp_path / "home").run("call", "switch", CALL, "max")
    assert finished.exit_code == 3
    assert f"none answers on {tmp_path / 'home' / 'agentvoice.sock'}" in finished.complaint


async def test_a_thread_is_tried_again_by_the_daemon(daemon: Daemon):
    """It sends at once; no database is opened, and the answer is the same as without one."""
    daemon.status = 200
    daemon.body = json.dumps({"call": CALL, "deliveries": 3, "state": "queued"}).encode()
    told = await daemon.program.must("publication", "retry", "last", "--relay", "wss://relay.example")
    assert told.out == "3 deliveries queued again; the thread is queued\n"
    told = await daemon.program.must("publication", "retry", CALL, "--json")
    assert told.document == {"call": CALL, "deliveries": 3, "state": "queued"}
    assert daemon.posted == [
        ("/api/v1/publications/last/retry", {"relay": "wss://relay.example"}),
        (f"/api/v1/publications/{CALL}/retry", {"relay": ""}),
    ]
    daemon.body = b"<html>"
    assert (await daemon.program.run("publication", "retry", CALL)).exit_code == 1


async def test_what_is_typed_stays_one_part_of_the_path(daemon: Daemon):
    """A call's id leads to no other address."""
    await daemon.program.must("call", "end", "../agents/ada?x=%2F")
    assert daemon.posted == [("/api/v1/calls/../agents/ada?x=%2F/end", {})]
