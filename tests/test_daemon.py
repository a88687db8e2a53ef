"""The daemon as a process: calls over its socket, its thread on its relay, its end, its death.

The engine is aimock, a Realtime server that nobody here wrote; it answers in text.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from nostr_sdk import PublicKey

from agentvoice.adapters.embedded_relay import find_running_relay
from agentvoice.adapters.http_tool import AiohttpTools
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import CallSettings
from agentvoice.config.prices import read_prices
from agentvoice.services.call_manager import CallManager
from agentvoice.services.session_opening import Engines
from agentvoice.storage.database import Database
from agentvoice.storage.writer import Writer
from tests.fakes.agentvoice_process import Daemon, Program
from tests.fakes.aimock import aimock
from tests.fakes.nostr_reader import read_thread

FIXTURES: list[dict[str, Any]] = [
    {
        "match": {"userMessage": "give me Max", "hasToolResult": False},
        "response": {"toolCalls": [{"name": "transfer_to_max", "arguments": "{}"}]},
    },
    {"match": {"hasToolResult": True}, "response": {"content": "Max here, you asked for me."}},
    {"match": {"userMessage": "How far is the moon?"}, "response": {"content": "384,400 kilometres."}},
    {"match": {"userMessage": "secret"}, "response": {"content": "I will keep it."}},
]


@pytest.fixture(scope="module")
def furnished_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a database and two agents, made once by the commands a user would give."""
    home = tmp_path_factory.mktemp("furnished") / "home"

    async def furnish() -> None:
        program = Program(home)
        await program.must("db", "upgrade")
        for name in ("Ada", "Max"):
            await program.must("agent", "add", name.lower(), "--name", name, "--engine", "openai")

    asyncio.run(furnish())
    return home


@pytest.fixture
async def program(tmp_path: Path, furnished_home: Path) -> AsyncIterator[Program]:
    """A copy of that home, its agents on a Realtime server on this machine."""
    shutil.copytree(furnished_home, tmp_path / "home")
    key = secrets.token_hex(16)
    async with aimock(tmp_path, FIXTURES, key) as url:
        built = Program(
            tmp_path / "home",
            {
                "AGENTVOICE_ENGINES__OPENAI__URL": url.replace("http", "ws", 1) + "/v1/realtime",
                "OPENAI_API_KEY": key,
                "AGENTVOICE_PUBLISH__SWEEP_INTERVAL_S": "0.5",
                "AGENTVOICE_DRAIN_TIMEOUT_S": "0.5",
            },
        )
        yield built


def relay_of(program: Program) -> str:
    return find_running_relay(program.home / "relay")


async def live_call(program: Program, daemon: Daemon) -> tuple[asyncio.subprocess.Process, str]:
    """A call that stays open, its caller having said one thing that was answered."""
    caller = await program.spawn("call", "start", "ada", "--input", "text")
    assert caller.stdin is not None
    assert caller.stderr is not None
    caller.stdin.write(b"How far is the moon?\n")
    call = ""
    async with asyncio.timeout(40):
        async for line in caller.stderr:
            if line.startswith(b"call "):
                call = line.split()[1].decode()
            if b"384,400" in line:
                return caller, call
    raise AssertionError("the caller ended before it was answered")


async def test_a_call_through_the_daemon_becomes_a_verified_thread(program: Program):
    """Two agents, a handover by tool, one thread, each turn signed by who spoke it."""
    async with program.daemon() as daemon:
        said = ("--say", "How far is the moon?", "--say", "give me Max")
        finished = await program.must("call", "start", "ada", *said, "--json")
        document = finished.document
        assert document["end_reason"] == "caller"
        assert document["agents"] == ["ada", "max"]
        assert document["publication"]["state"] == "published"
        events = await read_thread(document["publication"]["root"], relay_of(program))
        assert daemon.process.returncode is None
    texts = [event.content() for event in events[1:]]
    assert texts == [
        "How far is the moon?",
        "384,400 kilometres.",
        "give me Max",
        "Max here, you asked for me.",
    ]
    agents = (await program.must("agent", "list", "--json")).document["agents"]
    keys = {agent["slug"]: PublicKey.parse(agent["npub"]).to_hex() for agent in agents}
    signers = [event.author().to_hex() for event in events]
    assert [signers[2], signers[4]] == [keys["ada"], keys["max"]]
    assert signers[0] == signers[1] == signers[3]
    tags = [tag.to_vec() for tag in events[0].tags()]
    assert ["realtime-session", document["id"]] in tags


async def test_a_call_is_in_the_metrics(program: Program):
    """Its session, its handover, its end and its thread's deliveries are counted, and it is named nowhere."""
    async with program.daemon() as daemon:
        address = (await daemon.logged("ready"))["http"]
        said = ("--say", "How far is the moon?", "--say", "give me Max")
        call = (await program.must("call", "start", "ada", *said, "--json")).document["id"]
        async with aiohttp.ClientSession() as http:
            text = await (await http.get(f"{address}/metrics")).text()
    for line in (
        "agentvoice_calls_live 0.0",
        'agentvoice_calls_ended_total{reason="caller"} 1.0',
        'agentvoice_sessions_opened_total{engine="openai"} 1.0',
        "agentvoice_handovers_total 1.0",
        'agentvoice_delivery_attempts_total{outcome="accepted"} 5.0',
    ):
        assert line in text.splitlines()
    assert not [word for word in (call, '"ada"', '"max"', "ws://") if word in text]


async def test_a_call_without_a_daemon_is_published_all_the_same(program: Program):
    """The command runs the same services itself, relay included."""
    finished = await program.must("call", "start", "ada", "--say", "How far is the moon?", "--json")
    assert finished.document["publication"]["state"] == "published"
    assert (await program.must("call", "show", "last", "--json")).document["id"] == finished.document["id"]


async def test_a_call_that_shall_not_be_published_is_not(program: Program):
    """The wish is kept across the socket: no thread, no event."""
    async with program.daemon():
        said = ("--say", "Please do not publish this, it is secret")
        document = (await program.must("call", "start", "ada", *said, "--json")).document
    publication = document["publication"]
    assert [publication[name] for name in ("state", "root", "nevent", "events", "relays")] == [
        "none", None, None, [], [],
    ]  # fmt: skip


async def test_the_control_socket_is_the_users_own(program: Program):
    """Mode 0600, gone when the daemon ends; health over TCP and the socket."""
    path = program.home / "agentvoice.sock"
    async with program.daemon() as daemon:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        address = (await daemon.logged("ready"))["http"]
        async with aiohttp.ClientSession() as http:
            answer = await (await http.get(f"{address}/readyz")).json()
        assert answer["status"] == "ok"
        assert await daemon.stop() == 0
    assert not path.exists()


async def test_a_second_daemon_is_refused(program: Program):
    """One home, one daemon: the second says which socket answers, exit 4."""
    async with program.daemon():
        second = await program.run("serve")
    assert second.exit_code == 4
    assert "runs in" in second.err


async def test_a_taken_port_is_one_clear_error(program: Program):
    """The setting is named, exit 2, and nothing is left behind."""
    async with program.daemon() as daemon:
        port = (await daemon.logged("ready"))["http"].rsplit(":", 1)[1]
        other = Program(program.home.parent / "other", {**program.environment, "AGENTVOICE_HTTP__PORT": port})
        finished = await other.run("serve")
    assert finished.exit_code == 2
    assert f"http.port: got {port}" in finished.err
    assert not (other.home / "agentvoice.sock").exists()


async def test_operators_switch_and_end_live_calls(program: Program):
    """Another process hands a live call over and ends it; without a daemon it is told so."""
    async with program.daemon() as daemon:
        caller, call = await live_call(program, daemon)
        await program.must("call", "switch", call, "max")
        refused = await program.run("call", "switch", call, "max")
        assert (refused.exit_code, "speaking already" in refused.err) == (1, True)
        await program.must("call", "end", call)
        await caller.communicate()
        shown = (await program.must("call", "show", call, "--json")).document
        assert (shown["end_reason"], shown["agents"]) == ("operator", ["ada", "max"])
        missing = await program.run("call", "end", call)
        assert missing.exit_code == 3
    nobody = await program.run("call", "end", call)
    assert nobody.exit_code == 3
    assert "daemon" in nobody.err


async def test_a_stopping_daemon_ends_calls_politely(program: Program):
    """SIGTERM drains: the call ends as drained, its thread is published by the next process."""
    daemon = await program.start_daemon()
    caller, call = await live_call(program, daemon)
    assert await daemon.stop() == 0
    assert [line for line in daemon.log if line["level"] == "error"] == []
    await caller.communicate()
    async with program.daemon():
        document = await settled(program, call)
    assert document["end_reason"] == "drained"
    assert document["publication"]["state"] == "published"


async def settled(program: Program, call: str, seconds: float = 60.0) -> Any:
    """Wait until a call's thread is published, and return the call's document."""
    async with asyncio.timeout(seconds):
        while True:
            document = (await program.must("call", "show", call, "--json")).document
            if document["publication"]["state"] == "published":
                return document


async def test_a_killed_daemon_loses_nothing_and_publishes_once(program: Program):
    """Kill -9 in a call: a live lease is respected, then the call is ended and published once."""
    daemon = await program.start_daemon()
    caller, call = await live_call(program, daemon)
    assert await recover_as_another_process(program) == ()  # its owner is alive
    assert await daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    await caller.communicate()
    assert await recover_as_another_process(program) == ()  # its lease still holds
    async with program.daemon() as again:
        await again.logged("call_recovered")
        document = await settled(program, call)
        events = await read_thread(document["publication"]["root"], relay_of(program))
    assert document["end_reason"] == "crash"
    assert [item["text"] for item in document["items"]] == ["How far is the moon?", "384,400 kilometres."]
    assert [event.content() for event in events[1:]] == ["How far is the moon?", "384,400 kilometres."]


async def recover_as_another_process(program: Program) -> tuple[str, ...]:
    """Try to take over crashed calls, as a second process over the same database would."""
    database = await asyncio.to_thread(Database.open, program.home / "agentvoice.db")
    clock = SystemClock()
    writer = Writer(database, clock)

    async def published(call: str) -> None:
        """Nothing more to do here."""

    owner_id = secrets.token_hex(16)
    engines, tools = Engines({}, clock, 0.0), AiohttpTools(clock)
    manager = CallManager(
        database,
        writer,
        engines,
        clock,
        CallSettings(),
        "default",
        published,
        owner_id,
        tools,
        read_prices(),
    )
    try:
        return await manager.recover()
    finally:
        await asyncio.to_thread(writer.close, 5.0)
        database.close()


async def test_a_reload_with_a_wrong_file_changes_nothing(program: Program):
    """SIGHUP reads the settings again; a mistake in them is logged and the daemon goes on."""
    config = program.home.parent / "agentvoice.toml"
    config.write_text("[calls]\nmax_calls = 3\n")
    program.environment["AGENTVOICE_CONFIG"] = str(config)
    async with program.daemon() as daemon:
        config.write_text("[calls]\nmax_cals = 1\n")
        daemon.process.send_signal(signal.SIGHUP)
        failed = await daemon.logged("reload_failed")
        assert "max_cals" in failed["error"]
        assert "max_calls" in failed["error"]
        config.write_text("[calls]\nmax_calls = 1\n")
        daemon.process.send_signal(signal.SIGHUP)
        await daemon.logged("reloaded")
        caller, call = await live_call(program, daemon)
        refused = await program.run("call", "start", "max", "--say", "hello")
        assert (refused.exit_code, "max_calls is 1" in refused.err) == (4, True)
        await program.must("call", "end", call)
        await caller.communicate()


async def test_no_secret_is_shown_anywhere(program: Program):
    """Neither the API key nor a signing key reaches the log, a command's output or the database."""
    async with program.daemon() as daemon:
        finished = await program.must("call", "start", "ada", "--say", "How far is the moon?", "--json")
    key_files = list((program.home / "keys").iterdir())
    secrets_kept = [program.environment["OPENAI_API_KEY"], *(path.read_text().strip() for path in key_files)]
    assert len(key_files) >= 3
    shown = finished.out + finished.err + str(daemon.log)
    stored = b"".join(path.read_bytes() for path in program.home.glob("agentvoice.db*"))
    for secret in secrets_kept:
        assert secret not in shown
        assert secret.encode() not in stored
    assert all(stat.S_IMODE(os.stat(path).st_mode) == 0o600 for path in key_files)
