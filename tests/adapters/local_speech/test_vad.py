"""Voice activity: speech is told from silence, noise and tones, in real recordings."""

from __future__ import annotations

import numpy as np
import pytest

from agentvoice.adapters.local_speech.vad import FRAME_BYTES, FRAME_MS, VoiceActivity
from tests.fakes.human_speech import telephone_prompts

THRESHOLD = 0.5


def frames(pcm16: bytes) -> list[bytes]:
    return [pcm16[at : at + FRAME_BYTES] for at in range(0, len(pcm16) - FRAME_BYTES + 1, FRAME_BYTES)]


def speech_share(detector: VoiceActivity, pcm16: bytes) -> float:
    return float(np.mean([detector.probability(frame) > THRESHOLD for frame in frames(pcm16)]))


def test_people_are_heard():
    """In prompts, which hardly pause, most frames are speech."""
    detector = VoiceActivity()
    for recording in telephone_prompts(8):
        detector.reset()
        assert speech_share(detector, recording.pcm16_16k) > 0.5, recording.name


def test_noise_tones_and_silence_are_not_speech():
    """Silence, white noise and a dial tone stay below the threshold but for stray frames."""
    rng, time_s = np.random.default_rng(5), np.arange(48_000) / 16_000
    dial_tone = 4_000 * (np.sin(2 * np.pi * 350 * time_s) + np.sin(2 * np.pi * 440 * time_s))
    for sound in (np.zeros(48_000), 1_000 * rng.standard_normal(48_000), dial_tone):
        assert speech_share(VoiceActivity(), sound.astype("<i2").tobytes()) < 0.05


def test_the_end_of_speech_is_seen_within_300_ms():
    """In silence after speech the probability falls below the threshold."""
    detector = VoiceActivity()
    speech_share(detector, telephone_prompts(1)[0].pcm16_16k)
    quiet = [detector.probability(bytes(FRAME_BYTES)) for _ in range(300 // FRAME_MS)]
    assert quiet[-1] < THRESHOLD


def test_sessions_do_not_hear_each_other():
    """Two detectors fed in turn say what each would say alone."""
    speech, silence = frames(telephone_prompts(1)[0].pcm16_16k)[:30], [bytes(FRAME_BYTES)] * 30
    alone = VoiceActivity()
    expected = [alone.probability(frame) for frame in speech]
    one, other = VoiceActivity(), VoiceActivity()
    mixed = []
    for loud, quiet in zip(speech, silence, strict=True):
        mixed.append(one.probability(loud))
        other.probability(quiet)
    assert mixed == expected


def test_reset_forgets_what_was_heard():
    """After a reset the same sound gets the same answers."""
    detector = VoiceActivity()
    sound = frames(telephone_prompts(1)[0].pcm16_16k)[:20]
    first = [detector.probability(frame) for frame in sound]
    detector.reset()
    assert [detector.probability(frame) for frame in sound] == first


@pytest.mark.parametrize("size", [0, FRAME_BYTES - 2, FRAME_BYTES + 2])
def test_only_whole_frames_are_taken(size):
    """Another size is a defect of the caller, and named."""
    with pytest.raises(ValueError, match=f"got {size} bytes, want {FRAME_BYTES}"):
        VoiceActivity().probability(bytes(size))
