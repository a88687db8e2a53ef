"""Nobody but the system clock reads the time: the linter catches each way to do it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUFF = str(Path(sys.executable).with_name("ruff"))
BANNED = sorted(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]["flake8-tidy-imports"][
        "banned-api"
    ]
)


def lint(code: str, name: str) -> str:
    """What ruff says of `code` if it stood in the file `name`."""
    command = [RUFF, "check", "--select=TID251", "--output-format=concise", "--stdin-filename", name, "-"]
    return subprocess.run(command, cwd=ROOT, input=code, capture_output=True, text=True, timeout=30).stdout


def test_the_ban_names_every_clock_in_use():
    """The standard library's clocks, sleeps and time-outs are all on the list."""
    wanted = {
        "time.time",
        "time.monotonic",
        "time.sleep",
        "asyncio.sleep",
        "asyncio.timeout",
        "asyncio.wait_for",
    }
    assert wanted | {"datetime.datetime.now", "datetime.datetime.utcnow"} <= set(BANNED)


@pytest.mark.parametrize("floor", ["services", "adapters", "storage", "web", "cli"])
@pytest.mark.parametrize("banned", BANNED)
def test_reading_the_time_is_caught(banned: str, floor: str):
    """A call of a banned name, on any floor that could make it, is reported with what to use instead."""
    code = f"import {banned.split('.')[0]}\n\nNOW = {banned}()\n"
    assert f"`{banned}` is banned: Take a Clock" in lint(code, f"agentvoice/{floor}/planted.py")


@pytest.mark.parametrize("banned", BANNED)
def test_importing_the_name_is_caught(banned: str):
    """`from … import` does not get round the ban."""
    module, _, name = banned.rpartition(".")
    if module.startswith("datetime."):
        code = f"from datetime import {module.split('.')[1]} as day\n\nNOW = day.{name}()\n"
    else:
        code = f"from {module} import {name} as now\n\nNOW = now()\n"
    assert "TID251" in lint(code, "agentvoice/services/planted.py")


def test_the_system_clock_is_the_one_exception():
    """The same code is allowed in the one file that implements the Clock."""
    code = "import time\n\nNOW = time.time()\n"
    assert "TID251" not in lint(code, "agentvoice/adapters/system_clock.py")
