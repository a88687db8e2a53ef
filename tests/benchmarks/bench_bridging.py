"""Bridging calls to a Realtime provider: CPU for a second of a call, and the way of an answer's first sound.

One core for the bridge, the other for provider and callers. Beside agentvoice with all its features
the plain pump is measured in the same run: compare the ratio, at the same number of calls.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from agentvoice.protocols import callpage
from tests.benchmarks.figures import Row, spread
from tests.benchmarks.house import data_folder

CALLS = (20, 100)
WARM_S = 8.0
COUNT_S = 12.0
RATIO_GOAL = 0.8
FIRST_SOUND_GOALS_MS = 0.7
MS_PER_S = 1_000


def run() -> list[Row]:
    """Measure the plain pump and agentvoice at each number of calls."""
    rows: list[Row] = []
    with ExitStack() as stack:
        load = stack.enter_context(_program("bridging_load", core=1))
        provider = f"ws://127.0.0.1:{_line(load)}/v1/realtime"
        for calls in CALLS:
            pump = _measure_pump(load, provider, calls)
            bridge = _measure_agentvoice(load, provider, calls)
            rows += _rows(calls, pump, bridge)
    return rows


def _rows(calls: int, pump: dict[str, Any], bridge: dict[str, Any]) -> list[Row]:
    ratio = bridge["cpu_ms"] / pump["cpu_ms"]
    costs = f"agentvoice {bridge['cpu_ms']:.2f} ms of CPU for a call-second, plain pump {pump['cpu_ms']:.2f}"
    sent = (
        f"of {calls * 50} frames a second {bridge['frames_a_s']:.0f} came through ({pump['frames_a_s']:.0f})"
    )
    ways = f"{spread(bridge['first_sound_ms'], 2)} ms; plain pump {spread(pump['first_sound_ms'], 2)}"
    memory = f"{bridge['memory_mb']:.0f} MB; plain pump {pump['memory_mb']:.0f} MB"
    p50 = sorted(bridge["first_sound_ms"])[len(bridge["first_sound_ms"]) // 2]
    return [
        Row(
            f"CPU at {calls} calls, ratio to the plain pump", ratio, "", RATIO_GOAL, parts=f"{costs}\n{sent}"
        ),
        Row(
            f"first sound passed on at {calls} calls, p50",
            p50,
            "ms",
            FIRST_SOUND_GOALS_MS if calls == CALLS[0] else None,
            parts=f"{ways}\n{memory}",
        ),
    ]


def _measure_pump(load: subprocess.Popen[str], provider: str, calls: int) -> dict[str, Any]:
    with _program("bridging_pump", provider, core=0) as pump:
        url = f"ws://127.0.0.1:{_line(pump)}"
        return _measure(load, pump, {"url": url, "path": "", "start": "", "calls": calls})


def _measure_agentvoice(load: subprocess.Popen[str], provider: str, calls: int) -> dict[str, Any]:
    start = callpage.encode_frame(callpage.Start(agent="ada", project="demo", transport="page"))
    # A socket's path has a limit of 108 bytes, which the checkout's own folder may use up.
    with data_folder() as settings, tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "calls")
        with _program("bridging_daemon", provider, settings.home, path, str(calls), core=0) as daemon:
            _line(daemon)
            return _measure(load, daemon, {"url": "", "path": path, "start": start, "calls": calls})


def _measure(
    load: subprocess.Popen[str], bridge: subprocess.Popen[str], order: dict[str, Any]
) -> dict[str, Any]:
    assert load.stdin is not None
    load.stdin.write(json.dumps({**order, "warm_s": WARM_S, "count_s": COUNT_S}) + "\n")
    load.stdin.flush()
    _line(load)
    before_s = _cpu_s(bridge.pid)
    measured: dict[str, Any] = json.loads(_line(load))
    cpu_s = _cpu_s(bridge.pid) - before_s
    return {
        "cpu_ms": cpu_s * MS_PER_S / (order["calls"] * COUNT_S),
        "first_sound_ms": measured["first_sound_ms"],
        "frames_a_s": measured["frames_up"] / COUNT_S,
        "memory_mb": _memory_mb(bridge.pid),
    }


@contextmanager
def _program(module: str, *arguments: str, core: int) -> Iterator[subprocess.Popen[str]]:
    """Run a module of this folder on one core (where the machine lets us choose)."""
    cores = sorted(os.sched_getaffinity(0))

    def pin() -> None:
        os.sched_setaffinity(0, {cores[core % len(cores)]})

    process = subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.{module}", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=pin,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError(f"{process.args!r} ended without an answer")
    return line


def _cpu_s(pid: int) -> float:
    """Return the CPU time of a process and its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000
