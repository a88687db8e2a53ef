"""Where a recording speaks and where it pauses, found by loudness.

A frame of 20 ms counts as speech when its level (RMS, dB of full scale) is above a threshold taken
from the recording itself: 40 % of the way from its noise floor (10th percentile) to its loud parts
(95th percentile), but at least 15 dB below the loud parts and never under -60 dB. So a quiet room
and a noisy line both work; noise louder than 15 dB below the voice hides the pauses. Sound shorter
than 60 ms is a click, not speech.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentvoice.core.audio import CALL_FORMAT, FRAME_MS

PAUSE_MS = 700
"""So much silence after speech ends the caller's turn."""

FRAME_SAMPLES = CALL_FORMAT.rate_hz * FRAME_MS // 1000

_SHORTEST_SPEECH_FRAMES = 3
_PAUSE_FRAMES = PAUSE_MS // FRAME_MS
_FLOOR_DB = -70.0
_LEAST_THRESHOLD_DB = -60.0
_LEAST_DISTANCE_DB = 15.0
_THRESHOLD_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class SpeechMap:
    """Of each 20 ms frame whether it is speech; `pauses` are the frames that complete a pause."""

    is_speech: tuple[bool, ...]
    pauses: frozenset[int]


def map_speech(samples: bytes) -> SpeechMap:
    """Map a recording in CALL_FORMAT; a last piece shorter than a frame counts as a frame."""
    levels_db = _levels_db(np.frombuffer(samples, "<i2"))
    if not len(levels_db):
        return SpeechMap((), frozenset())
    is_speech = _without_clicks(levels_db > _threshold_db(levels_db))
    return SpeechMap(is_speech, frozenset(_pauses(is_speech)))


def _levels_db(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    frame_count = -(-len(pcm) // FRAME_SAMPLES)
    padded = np.zeros(frame_count * FRAME_SAMPLES)
    padded[: len(pcm)] = pcm / 32_768
    power = np.square(padded.reshape(frame_count, FRAME_SAMPLES)).mean(axis=1)
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 10 ** (_FLOOR_DB / 10)))
    return levels


def _threshold_db(levels_db: NDArray[np.float64]) -> float:
    floor, loud = np.percentile(levels_db, (10, 95))
    threshold = min(floor + _THRESHOLD_SHARE * (loud - floor), loud - _LEAST_DISTANCE_DB)
    return float(max(threshold, _LEAST_THRESHOLD_DB))


def _without_clicks(is_loud: NDArray[np.bool_]) -> tuple[bool, ...]:
    kept = [False] * len(is_loud)
    begin = 0
    for frame in range(len(is_loud) + 1):
        if frame < len(is_loud) and is_loud[frame]:
            continue
        if frame - begin >= _SHORTEST_SPEECH_FRAMES:
            kept[begin:frame] = [True] * (frame - begin)
        begin = frame + 1
    return tuple(kept)


def _pauses(is_speech: tuple[bool, ...]) -> list[int]:
    pauses = []
    silent = _PAUSE_FRAMES  # silence before the first word is no pause
    for frame, speaks in enumerate(is_speech):
        silent = 0 if speaks else silent + 1
        if silent == _PAUSE_FRAMES:
            pauses.append(frame)
    return pauses
