"""How long a command takes from Enter to the prompt, beside the interpreter's own start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from agentvoice.storage.database import Database
from tests.benchmarks.figures import Row, spread
from tests.benchmarks.house import data_folder, store_finished_call

PROCESSES = 15
TURNS = 20
HELP_GOAL_MS = 150
COMMAND_GOAL_MS = 400

COMMANDS = {
    "agentvoice --help": HELP_GOAL_MS,
    "agentvoice agent list": COMMAND_GOAL_MS,
    "agentvoice call show last": COMMAND_GOAL_MS,
}
BARE = (sys.executable, "-c", "pass")


def run() -> list[Row]:
    """Start every command so often, in turns, and take the medians."""
    program = str(Path(sys.executable).with_name("agentvoice"))
    with data_folder() as settings:
        database = Database.open(settings.database_place)
        store_finished_call(database, 1, TURNS)
        database.close()
        environment = {**os.environ, "AGENTVOICE_HOME": settings.home}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program keeps its bytecode
        commands = {"bare": BARE, **{line: (program, *line.split()[1:]) for line in COMMANDS}}
        times_ms: dict[str, list[float]] = {line: [] for line in commands}
        for command in commands.values():  # writes the bytecode that is missing
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        for _ in range(PROCESSES):
            for line, command in commands.items():
                began_s = time.perf_counter()
                subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
                times_ms[line].append((time.perf_counter() - began_s) * 1_000)
    bare_ms = median(times_ms.pop("bare"))
    rows = [Row("python -c pass (yardstick)", bare_ms, "ms")]
    for line, taken_ms in times_ms.items():
        ratio = median(taken_ms) / bare_ms
        parts = f"{ratio:.1f} × the bare interpreter; best {min(taken_ms):.0f}, {spread(taken_ms, 0)}"
        rows.append(Row(line, median(taken_ms), "ms", COMMANDS[line], parts=parts))
    return rows
