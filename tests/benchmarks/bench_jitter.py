"""Gaps and delay of the adaptive jitter buffer beside fixed ones, on scripted lines; nothing waits."""

from __future__ import annotations

import time

from agentvoice.core.jitter import MAX_DEPTH_MS, MIN_DEPTH_MS, JitterDepth
from tests.benchmarks.figures import Row
from tests.fakes.arrivals import ANSWER_MS, ANSWERS, Answer, FixedDepth, Hearing, hear, patterns

SEEDS = range(5)
RULE_ARRIVALS = 100_000
RULE_GOAL_US = 5.0
"""Of 20 ms that a frame lasts."""


def run() -> list[Row]:
    """Return a row per line and one for the rule's own cost."""
    rows = []
    for name in patterns():
        scripts = [patterns(seed)[name] for seed in SEEDS]
        fixed = {
            depth: [hear(script, FixedDepth(depth)) for script in scripts]
            for depth in (MIN_DEPTH_MS, MAX_DEPTH_MS)
        }
        adaptive = [hear(script, JitterDepth()) for script in scripts]
        parts = [
            f"adaptive: {_sum(adaptive)}",
            *(f"{depth} ms: {_sum(heard)}" for depth, heard in fixed.items()),
        ]
        rows.append(Row(f"{name}: underruns", _underruns(adaptive), "", parts="\n".join(parts)))
    rows.append(Row("depth rule, per piece of sound", _rule_us(), "µs", RULE_GOAL_US))
    return rows


def _sum(heard: list[Hearing]) -> str:
    silent_ms = sum(one.silent_ms for one in heard)
    depth_ms = sum(one.mean_depth_ms for one in heard) / len(heard)
    minutes = len(heard) * ANSWERS * ANSWER_MS / 60_000
    return f"{_underruns(heard)} underruns, {silent_ms} ms of silence in {minutes:g} min, mean depth {depth_ms:.0f} ms"


def _underruns(heard: list[Hearing]) -> int:
    return sum(one.underruns for one in heard)


def _rule_us() -> float:
    line: list[Answer] = patterns()["jitter to 60 ms"]
    pieces = [piece for answer in line for piece in answer]
    rule, arrivals = JitterDepth(), 0
    began_s = time.perf_counter()
    while arrivals < RULE_ARRIVALS:
        rule.begin_answer()
        for at, duration in pieces:
            rule.arrived(at, duration)
        arrivals += len(pieces)
    return (time.perf_counter() - began_s) / arrivals * 1_000_000
