"""`agentvoice doctor` on microphone and speaker."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from agentvoice.cli.doctor_finding import Finding
from agentvoice.cli.doctor_sound import look_at_sound
from agentvoice.config import SoundSettings
from tests.fakes.sound_card import FakePortAudio


def test_the_devices_of_a_call_are_named(monkeypatch: pytest.MonkeyPatch):
    """The system's, unless the settings choose others."""
    machine = FakePortAudio(("Webcam", 1, 0, 16_000.0), ("Headset", 1, 2, 48_000.0), default=(0, 1))
    monkeypatch.setitem(sys.modules, "sounddevice", machine)
    speaker = Finding("speaker", True, "Headset, 48000 Hz", needed=False)
    usual = Finding("microphone", True, "Webcam, 16000 Hz", needed=False)
    assert list(look_at_sound(SoundSettings())) == [usual, speaker]
    chosen = replace(usual, detail="Headset, 48000 Hz")
    assert list(look_at_sound(SoundSettings(input="head"))) == [chosen, speaker]


def test_what_is_not_there_is_a_note(monkeypatch: pytest.MonkeyPatch):
    """No microphone, a chosen speaker that is unplugged: what is wanted, and no fault."""
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio(("HDMI", 0, 2, 48_000.0)))
    microphone, speaker = look_at_sound(SoundSettings(output="flute"))
    assert (microphone.mark, speaker.mark) == ("note", "note")
    assert "no microphone" in microphone.detail
    assert "sound.output: got 'flute'" in speaker.detail


def test_without_portaudio_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """As on servers, where calls come by page and file."""

    class Absent:
        """Finds no library, as the package sounddevice does."""

        def find_spec(self, name: str, *more: object) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    (sound,) = look_at_sound(SoundSettings())
    assert (sound.name, sound.mark) == ("sound", "note")
    assert "apt-get install -y libportaudio2" in sound.detail
