"""The table of voices."""

from __future__ import annotations

from itertools import pairwise

import pytest

from agentvoice.adapters.local_speech.voices import DEFAULT_VOICE, MAX_PITCH, MIN_PITCH, VOICES, find_voice
from agentvoice.errors import UsageError


def test_every_voice_is_within_what_stays_intelligible():
    """The factors lie between 0.8 and 1.25, and the names are those of the table."""
    for name, voice in VOICES.items():
        assert voice.name == name
        assert MIN_PITCH <= voice.pitch <= MAX_PITCH


def test_no_two_voices_are_alike():
    """Any two differ by at least 8 % in pitch."""
    pitches = sorted(voice.pitch for voice in VOICES.values())
    assert all(high / low > 1.08 for low, high in pairwise(pitches))


def test_no_name_means_the_default_voice():
    """An agent without a voice speaks with the model's own."""
    assert find_voice("") is VOICES[DEFAULT_VOICE]
    assert VOICES[DEFAULT_VOICE].pitch == 1.0


def test_an_unknown_voice_is_refused():
    """The error names the field, what was got and every voice."""
    with pytest.raises(UsageError, match=r"local\.voice: got 'alloy', want one of hibari, hibari-low"):
        find_voice("alloy")
