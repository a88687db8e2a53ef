"""What the leg says was heard, against what came out of the loudspeaker of a real sound server."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from agentvoice.core.audio import CALL_FORMAT
from tests.fakes.sound_server import SoundServer, noise, place_of, sound_server

ROOT = Path(__file__).parents[2]
RATE_HZ = CALL_FORMAT.rate_hz
CLOSE_MS = 10.0
"""Half a block; what the filters and the device hold back is 60 ms and more."""
LATE_MS = 40.0
"""A busy machine tells late what was heard, but it never tells what was not."""
SMOOTH_MS = 2.0
WANTED_PIECES = 4
TRIES = 4
PIECE = RATE_HZ // 20
LOUD = 500

Report = tuple[float, int]
"""When it came (s), and the count of samples in it."""


async def play(server: SoundServer, rate_hz: int, sound: bytes) -> tuple[list[Report], int]:
    """Play `sound` at a device of this rate, cleared after two thirds; return the reports and what was cleared."""
    command = (sys.executable, "-m", "tests.fakes.sound_caller", str(rate_hz), str(len(sound) // 3))
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


async def run(rate_hz: int) -> bool:
    """Play and judge; False: the machine was too busy to play much in one piece, so there is nothing to judge."""
    sound = noise(2.0, seed=6)
    async with sound_server() as server:
        async with server.listening(latency_ms=5):
            reports, cleared = await play(server, rate_hz, sound)
            await server.hears(0.1)
    assert reports[-1][1] == cleared
    loud = np.flatnonzero(np.abs(np.frombuffer(server.played, "<i2").astype(int)) > LOUD)
    first, last = max(0, int(loud[0]) - PIECE), int(loud[-1]) + 1  # its first samples may be soft
    places = find_places(server.played[first * 2 : last * 2], sound, cleared)
    if len(places) < WANTED_PIECES:
        return False
    times, counts = zip(*reports, strict=True)
    reported = np.interp([server.played_at_s(first + place) for place in places], times, counts)
    early_ms = ms(float(np.median(reported - np.arange(len(places)) * PIECE)))
    assert -LATE_MS < early_ms < CLOSE_MS
    if len(places) == len(range(0, cleared - PIECE, PIECE)):
        assert ms(last - first - places[0]) == pytest.approx(ms(cleared), abs=CLOSE_MS)
    return True


@pytest.mark.timeout(600)
@pytest.mark.parametrize("rate_hz", [RATE_HZ, 48_000])
async def test_the_leg_and_the_loudspeaker_agree(rate_hz: int):
    """What was reported had left it by then, no more; what was cleared is where the sound ends."""
    for _ in range(TRIES):
        if await run(rate_hz):
            return
    pytest.skip(
        f"in {TRIES} tries this machine was too busy to play {PIECE * WANTED_PIECES} samples without a gap"
    )
