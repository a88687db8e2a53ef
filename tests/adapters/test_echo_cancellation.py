"""The agent's sound is taken out of the microphone, the caller's stays."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from agentvoice.adapters.echo_cancellation import EchoCanceller
from agentvoice.core.audio import CALL_FORMAT
from agentvoice.core.level import level_db
from agentvoice.errors import AudioDeviceError

RATE_HZ = CALL_FORMAT.rate_hz
BLOCK_BYTES = CALL_FORMAT.bytes_of(20)
DELAY_MS = 60


def noise(seconds: float, seed: int) -> np.ndarray:
    """Bursts of noise of 100 ms with pauses, as loud as speech: they have all its frequencies."""
    random = np.random.default_rng(seed)
    count = int(RATE_HZ * seconds)
    bursts = np.repeat(random.random(count // 2_400 + 1) > 0.4, 2_400)[:count]
    return random.standard_normal(count) * 4_000 * bursts


def clean(heard: np.ndarray, spoken: np.ndarray) -> bytes:
    """Run both through a canceller, block by block."""
    canceller = EchoCanceller()
    canceller.begin(DELAY_MS)
    inward, outward = (np.clip(each, -32_768, 32_767).astype("<i2").tobytes() for each in (heard, spoken))
    blocks = range(0, len(inward), BLOCK_BYTES)
    out = [canceller.clean(inward[at : at + BLOCK_BYTES], outward[at : at + BLOCK_BYTES]) for at in blocks]
    assert not canceller.is_closed
    return b"".join(out)


def later(sound: np.ndarray, ms: int) -> np.ndarray:
    """The sound as it comes back from a room."""
    shift = RATE_HZ * ms // 1_000
    return np.concatenate([np.zeros(shift), sound[:-shift]]) * 0.4


def test_an_echo_is_taken_away():
    """Once the filter has learned the room, at least 20 dB of the agent's sound are gone."""
    spoken = noise(4, seed=1)
    echo = later(spoken, DELAY_MS)
    cleaned = clean(echo, spoken)
    last = CALL_FORMAT.bytes_of(1_000)
    assert len(cleaned) == len(echo) * 2
    assert level_db(echo.astype("<i2").tobytes()[-last:]) - level_db(cleaned[-last:]) > 20


def test_the_caller_stays():
    """While no agent speaks the caller's voice passes at its level."""
    caller = noise(2, seed=2)
    cleaned = clean(caller, np.zeros(len(caller)))
    assert abs(level_db(cleaned) - level_db(caller.astype("<i2").tobytes())) < 3


def test_the_caller_stays_while_an_agent_speaks():
    """Both at once: what is left is as much the caller as when nobody else speaks, and not the agent."""
    spoken, caller, later_part = noise(6, seed=3), noise(6, seed=4), slice(RATE_HZ * 4, None)
    alone = np.frombuffer(clean(caller, np.zeros(len(caller))), "<i2").astype(float)[later_part]
    heard = later(spoken, DELAY_MS)
    heard[later_part] += caller[later_part]  # once the filter has learned the room
    both = np.frombuffer(clean(heard, spoken), "<i2").astype(float)[later_part]
    assert likeness(both, caller[later_part]) > 0.8 * likeness(alone, caller[later_part])
    assert likeness(both, spoken[later_part]) < 0.1


def likeness(sound: np.ndarray, original: np.ndarray) -> float:
    """How much of a sound is the original, at any delay up to 100 ms."""
    shifts = range(0, RATE_HZ // 10)
    size = len(sound) - len(shifts)
    power = float(np.linalg.norm(original[:size]))
    pieces = (sound[shift : shift + size] for shift in shifts)
    return max(
        abs(float(piece @ original[:size])) / (float(np.linalg.norm(piece)) * power) for piece in pieces
    )


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch):
    """The setting that wants it, and the two ways out."""
    monkeypatch.setitem(sys.modules, "livekit.rtc", None)
    with pytest.raises(AudioDeviceError) as refused:
        EchoCanceller()
    assert "sound.echo" in str(refused.value)
    assert "pip install 'agentvoice[aec]'" in str(refused.value)
