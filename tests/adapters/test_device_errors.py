"""Errors of sound devices say in one line what is wrong and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentvoice.adapters.device_errors import (
    ADVICE,
    HOST_ADVICE,
    explain_device_error,
    explain_missing_portaudio,
    explain_no_device,
)


def host_error(code: int) -> Exception:
    """As sounddevice tells of ALSA's errors."""
    return Exception("Error opening RawStream: Unanticipated host error", -9999, (0, code, "ALSA's words"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Exception("Device unavailable", -9985), "another program holds it"),
        (Exception("Invalid device", -9996), "plug it in"),
        (Exception("Invalid sample rate", -9997), "none of the rates tried"),
        (Exception("Invalid number of channels", -9998), "no such channel"),
        (Exception("Error querying device 3"), "agentvoice call devices"),
        (Exception("never heard of", -1), "agentvoice call devices"),
        (host_error(-16), "another program holds it"),
        (host_error(-13), "usermod -aG audio $USER"),
        (host_error(-19), "plug it in"),
        (host_error(-111), "the sound server does not answer"),
        (host_error(-12), "agentvoice call devices"),
    ],
)
def test_each_error_has_its_advice(error: Exception, words: str):
    """The line holds the devices, PortAudio's words, the advice, and the way around it."""
    line = str(explain_device_error(error, "microphone 'USB'"))
    assert line.startswith(f"microphone 'USB': {error.args[0]}")
    assert words in line
    assert line.endswith("or give a WAV file as --input")
    assert "\n" not in line


def test_foreign_words_are_kept_on_one_line():
    """What ALSA said is part of the line."""
    assert "ALSA's words; " in str(explain_device_error(host_error(-5)))
    assert "\n" not in str(explain_device_error(Exception("two\nlines")))


def test_all_advice_is_one_line():
    """Every row of the tables is fit to be shown."""
    assert all("\n" not in advice for advice in (*ADVICE.values(), *HOST_ADVICE.values()))


def test_a_missing_library_is_explained_with_its_command():
    """The error says what to install, in one line."""
    line = str(explain_missing_portaudio(OSError("PortAudio library not found")))
    assert "sudo apt-get install -y libportaudio2" in line
    assert "\n" not in line


def test_no_device_is_told_from_a_forbidden_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A machine without sound needs a device, one whose devices are closed to us needs rights."""
    assert "plug one in" in str(explain_no_device("microphone", tmp_path / "none"))
    (tmp_path / "pcmC0D0c").touch()
    assert "plug one in" in str(explain_no_device("microphone", tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may open everything
    line = str(explain_no_device("microphone", tmp_path))
    assert line.startswith("no microphone: ")
    assert "usermod -aG audio" in line
