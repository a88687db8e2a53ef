"""Which sound devices there are, and which of them is meant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agentvoice.adapters.sound_devices import Side, SoundDevice, choose_device, list_devices
from agentvoice.errors import AudioDeviceError, UsageError
from tests.fakes.sound_card import FakePortAudio

CARD = SoundDevice(0, "HDA Intel: ALC257 (hw:0,0)", 2, 2, 44_100)
HDMI = SoundDevice(1, "HDA Intel: HDMI (hw:0,3)", 0, 8, 48_000, is_default_output=True)
HEADSET = SoundDevice(2, "USB Headset", 1, 2, 16_000)
WEBCAM = SoundDevice(3, "USB Webcam", 1, 0, 48_000, is_default_input=True)
DEVICES = (CARD, HDMI, HEADSET, WEBCAM)


@pytest.mark.parametrize(
    ("wanted", "side", "device"),
    [
        ("", Side.MICROPHONE, WEBCAM),
        ("", Side.SPEAKER, HDMI),
        ("2", Side.MICROPHONE, HEADSET),
        ("usb headset", Side.SPEAKER, HEADSET),
        (" Webcam ", Side.MICROPHONE, WEBCAM),
        ("USB", Side.SPEAKER, HEADSET),
        ("hda intel", Side.MICROPHONE, CARD),
    ],
)
def test_a_device_is_found_by_number_name_or_part(wanted: str, side: Side, device: SoundDevice):
    """In any case; only devices that can do what is wanted are meant; nothing means the system's."""
    assert choose_device(DEVICES, wanted, side, "--input") is device


def test_the_whole_name_wins_over_parts():
    """A device whose name is part of another's can be named."""
    plain, other = SoundDevice(0, "pulse", 1, 1, 48_000), SoundDevice(1, "pulse monitor", 1, 0, 48_000)
    assert choose_device((other, plain), "pulse", Side.MICROPHONE, "--input") is plain


def test_without_a_default_the_first_that_fits_is_taken():
    """The system may name none."""
    assert choose_device((HDMI, CARD), "", Side.MICROPHONE, "--input") is CARD


@pytest.mark.parametrize(
    ("wanted", "side", "words"),
    [
        ("flute", Side.MICROPHONE, "--it: got 'flute', want a microphone that is listed by: agentvoice call"),
        ("9", Side.SPEAKER, "--it: got '9', want a speaker that is listed"),
        ("1", Side.MICROPHONE, "--it: got '1', want a microphone that is listed"),
        (
            "usb",
            Side.MICROPHONE,
            "--it: got 'usb', which may be 2 USB Headset, 3 USB Webcam; want one of their",
        ),
    ],
)
def test_a_wrong_choice_is_one_clear_error(wanted: str, side: Side, words: str):
    """The option, what was got and what is wanted, or between which one must choose."""
    with pytest.raises(UsageError) as refused:
        choose_device(DEVICES, wanted, side, "--it")
    assert words in str(refused.value)


def test_a_machine_without_a_microphone_says_so():
    """Whatever was named, that is the reason."""
    with pytest.raises(AudioDeviceError, match="no microphone: "):
        choose_device((HDMI,), "usb", Side.MICROPHONE, "--input")


def test_devices_are_listed(monkeypatch: pytest.MonkeyPatch):
    """Each has its number, name, channels and rate, and whether it is the system's choice."""
    machine = FakePortAudio(("Speaker", 0, 2, 48_000.0), ("Mic", 1, 0, 44_100.0), default=(1, 0))
    monkeypatch.setitem(sys.modules, "sounddevice", machine)
    assert list_devices() == (
        SoundDevice(0, "Speaker", 0, 2, 48_000, is_default_output=True),
        SoundDevice(1, "Mic", 1, 0, 44_100, is_default_input=True),
    )


def test_a_list_that_fails_is_explained(monkeypatch: pytest.MonkeyPatch):
    """PortAudio's own complaint becomes ours."""
    machine = FakePortAudio()

    def fail() -> list[dict[str, object]]:
        raise machine.PortAudioError("PortAudio not initialized", -10000)

    monkeypatch.setattr(machine, "query_devices", fail, raising=False)
    monkeypatch.setitem(sys.modules, "sounddevice", machine)
    with pytest.raises(AudioDeviceError, match="PortAudio not initialized"):
        list_devices()


def test_a_missing_library_is_an_error_of_ours(tmp_path: Path):
    """Where sounddevice finds no PortAudio its import fails: the error says what to install."""
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom agentvoice.adapters import sound_devices\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code + "sound_devices.list_devices()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "AudioDeviceError: the PortAudio library is missing" in ran.stderr
    assert "sudo apt-get install -y libportaudio2" in ran.stderr
