"""What the sound device's leg says was heard, beside what came out of a real sound server's loudspeaker."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agentvoice.core.audio import CALL_FORMAT
from tests.benchmarks.figures import Row
from tests.fakes.sound_server import SoundServer, noise, place_of, sound_server

ROOT = Path(__file__).parents[2]
RATE_HZ = CALL_FORMAT.rate_hz
DEVICE_RATES_HZ = (RATE_HZ, 48_000, 44_100)
TRIES = 5
PIECE = RATE_HZ // 20
LOUD = 500
SMOOTH_MS = 2.0
GOAL_MS = 10.0
"""Half a block: what is cut off at a barge-in is cut where the caller's ear was."""

Report = tuple[float, int]
"""When it came (s), and the count of samples in it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One run: how early the reports came, how far the end of the sound was from what was said (ms)."""

    early_ms: float
    end_ms: float
    pieces: int
    """How many pieces were played before the first gap, each of 50 ms."""


def run() -> list[Row]:
    """Return a row per rate of the device; of several runs the one with the fewest gaps counts."""
    return [measure(rate_hz) for rate_hz in DEVICE_RATES_HZ]


def measure(rate_hz: int) -> Row:
    """Return how far the reports of a device of this rate are from the loudspeaker."""
    found = [asyncio.run(play_and_judge(rate_hz)) for _ in range(TRIES)]
    best = max(found, key=lambda each: each.pieces)
    runs = ", ".join(f"{each.early_ms:.1f} ({each.pieces})" for each in found)
    parts = f"runs: {runs} ms early (pieces without a gap); end of the sound {best.end_ms:.1f} ms off"
    return Row(f"device at {rate_hz} Hz: heard is early by", best.early_ms, "ms", GOAL_MS, parts=parts)


async def play_and_judge(rate_hz: int) -> Judged:
    """Play two seconds of noise, cleared after two thirds, and compare."""
    sound = noise(2.0, seed=6)
    async with sound_server() as server:
        async with server.listening(latency_ms=5):
            reports, cleared = await play(server, rate_hz, sound)
            await server.hears(0.1)
    assert reports[-1][1] == cleared
    loud = np.flatnonzero(np.abs(np.frombuffer(server.played, "<i2").astype(int)) > LOUD)
    first, last = max(0, int(loud[0]) - PIECE), int(loud[-1]) + 1  # its first samples may be soft
    places = find_places(server.played[first * 2 : last * 2], sound, cleared)
    if not places:
        return Judged(float("nan"), float("nan"), 0)
    times, counts = zip(*reports, strict=True)
    reported = np.interp([server.played_at_s(first + place) for place in places], times, counts)
    early_ms = ms(float(np.median(reported - np.arange(len(places)) * PIECE)))
    return Judged(early_ms, ms(last - first - places[0]) - ms(cleared), len(places))


async def play(server: SoundServer, rate_hz: int, sound: bytes) -> tuple[list[Report], int]:
    """Play `sound` at a device of this rate; return the reports and what was cleared."""
    command = (sys.executable, "-m", "tests.benchmarks.heard_caller", str(rate_hz), str(len(sound) // 3))
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, **server.environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(sound)
    assert process.returncode == 0
    told = [json.loads(line) for line in out.splitlines()]
    (cleared,) = (each["samples"] for each in told if each["what"] == "OutputCleared")
    return [(each["at_s"], each["samples"]) for each in told if each["what"] == "Played"], cleared


def ms(samples: float) -> float:
    """Return how long samples of a call last."""
    return samples * 1_000 / RATE_HZ


def find_places(heard: bytes, sound: bytes, until: int) -> list[int]:
    """Where the pieces of `sound` up to the sample `until` are in what was heard, as far as it has no gap."""
    places: list[int] = []
    for piece in range(0, until - PIECE, PIECE):
        place = place_of(heard, sound[piece * 2 : (piece + PIECE) * 2])
        if place is None or ms(abs(place - piece - (places or [place])[0])) > SMOOTH_MS:
            break
        places.append(place)
    return places
