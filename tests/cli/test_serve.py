"""`agentvoice serve` as a command: what it refuses, what it logs, how it ends."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.fakes.agentvoice_process import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "home")


async def test_it_makes_its_home_and_runs_until_it_is_stopped(program: Program):
    """A new home gets a database; SIGTERM and SIGINT end with 0, and the log says what happened."""
    for number in (signal.SIGTERM, signal.SIGINT):
        daemon = await program.start_daemon()
        assert (program.home / "agentvoice.db").exists()
        assert await daemon.stop(number) == 0
        events = [line["event"] for line in daemon.log]
        assert events.index("ready") < events.index("stopping")


async def test_its_log_is_json_lines_when_the_settings_say_so(program: Program):
    """Each line of the log is one JSON object with time and level; stdout stays empty."""
    daemon = await program.start_daemon()
    await daemon.stop()
    assert [line for line in daemon.log if line["event"] == "not json"] == []
    assert all({"timestamp", "level", "event"} <= set(line) for line in daemon.log)
    assert daemon.process.stdout is not None
    assert await daemon.process.stdout.read() == b""


async def test_a_wrong_setting_is_refused_before_anything_is_made(program: Program):
    """Exit 2, one line, and no home."""
    program.environment["AGENTVOICE_HTTP__PORT"] = "eighty"
    finished = await program.run("serve")
    assert finished.exit_code == 2
    assert "http.port: got the text 'eighty'" in finished.complaint
    assert not program.home.exists()


async def test_a_home_that_cannot_be_made_is_refused(program: Program):
    """A file in the place of the home: one line that names it, no traceback."""
    program.home.write_text("")
    finished = await program.run("serve")
    assert finished.exit_code in (1, 4)
    assert str(program.home) in finished.complaint
    assert "defect" not in finished.complaint
