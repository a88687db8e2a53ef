"""How loud a piece of sound is, and its place on a meter."""

from __future__ import annotations

import math
from array import array

SILENCE_DB = -96.0
"""The level of digital silence: the smallest step of 16 bits."""
METER_FLOOR_DB = -60.0
"""A quiet room; the meter is empty there."""
METER_TOP_DB = -6.0
"""As loud as speech should become; the meter is full there."""

FULL_SCALE = 32_768


def level_db(samples: bytes) -> float:
    """Return the level (RMS) of mono PCM16 in dB of full scale, 0 at most; SILENCE_DB for nothing."""
    values = array("h", samples)
    if not values:
        return SILENCE_DB
    power = sum(value * value for value in values) / len(values) / FULL_SCALE**2
    return 10 * math.log10(power) if power > 10 ** (SILENCE_DB / 10) else SILENCE_DB


def meter_share(level: float) -> float:
    """Return how much of a meter a level in dB fills, 0 to 1."""
    return min(1.0, max(0.0, (level - METER_FLOOR_DB) / (METER_TOP_DB - METER_FLOOR_DB)))
