"""The pitch of a voice, by autocorrelation."""

from __future__ import annotations

import numpy as np

FRAME_S = 0.05
LOWEST_HZ, HIGHEST_HZ = 90, 400
VOICED = 0.6
"""Share of the energy that must repeat for a frame to count as voiced."""


def median_pitch_hz(pcm16: bytes, rate_hz: int) -> float:
    """Return the middle of the fundamental frequencies of the voiced frames."""
    samples = np.frombuffer(pcm16, "<i2").astype(float)
    size = int(rate_hz * FRAME_S)
    shortest, longest = rate_hz // HIGHEST_HZ, rate_hz // LOWEST_HZ
    pitches = []
    for start in range(0, len(samples) - size, size // 2):
        frame = samples[start : start + size]
        frame = frame - frame.mean()
        energy = float(frame @ frame)
        if energy < size * 300**2:
            continue
        repeats = np.correlate(frame, frame, "full")[size - 1 :]
        repeats = repeats / energy * size / np.maximum(size - np.arange(size), 1)
        best = shortest + int(np.argmax(repeats[shortest:longest]))
        if repeats[best] > VOICED:
            pitches.append(rate_hz / best)
    return float(np.median(pitches))
