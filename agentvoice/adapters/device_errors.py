"""What PortAudio complains of, in one line: which devices, what is wrong with them, what to do."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from agentvoice.errors import AudioDeviceError

INSTALL_PORTAUDIO = "sudo apt-get install -y libportaudio2"
SOUND_NODES = Path("/dev/snd")
LIST_COMMAND = "agentvoice call devices"
ELSE_A_FILE = "or give a WAV file as --input"

BUSY = "another program holds it; close that, or choose `default` or `pulse`, which share it"
GONE = "it is not there (any more); plug it in, or choose another one: " + LIST_COMMAND
FORBIDDEN = "you may not use it; let root run: usermod -aG audio $USER, then log in again"
NO_SERVER = "the sound server does not answer; start it (systemctl --user start pipewire-pulse)"

ADVICE: dict[int, str] = {
    -9985: BUSY,
    -9986: GONE,  # internal error: what ALSA's reader meets when a device goes
    -9993: "the two cannot run together; choose two of the same kind: " + LIST_COMMAND,
    -9996: GONE,
    -9997: "it takes none of the rates tried; choose `default` or `pulse`, which convert",
    -9998: "it has no such channel; choose another one: " + LIST_COMMAND,
}
"""By PortAudio's error code (portaudio.h: PaErrorCode)."""

HOST_ADVICE: dict[int, str] = {
    -1: FORBIDDEN,
    -2: GONE,
    -5: NO_SERVER,
    -13: FORBIDDEN,
    -16: BUSY,
    -19: GONE,
    -111: NO_SERVER,
}
"""By ALSA's error code (errno), when PortAudio has no code of its own: -9999."""


def explain_missing_portaudio(error: OSError) -> AudioDeviceError:
    """Say how to get the library that sounddevice did not find."""
    return AudioDeviceError(
        f"the PortAudio library is missing ({error}); install it with: {INSTALL_PORTAUDIO}, {ELSE_A_FILE}"
    )


def explain_device_error(error: Exception, devices: str = "sound devices") -> AudioDeviceError:
    """Say what PortAudio said of `devices`, and what to try.

    sounddevice's errors hold a text, a code, and of foreign errors (host API, code, text).
    """
    words, code, host = (*error.args, None, None, None)[:3]
    advice = ADVICE.get(code if isinstance(code, int) else 0, "")
    if isinstance(host, tuple) and len(host) == 3:
        words, advice = f"{words}: {host[2]}", HOST_ADVICE.get(host[1], advice)
    advice = advice or f"choose another one: {LIST_COMMAND}"
    return AudioDeviceError(f"{devices}: {_one_line(str(words))}; {advice}, {ELSE_A_FILE}")


def explain_no_device(kind: str, folder: Path = SOUND_NODES) -> AudioDeviceError:
    """Say why there is no `kind` (microphone, speaker): none there, or none that we may use."""
    if any(not os.access(node, os.R_OK | os.W_OK) for node in _nodes(folder)):
        return AudioDeviceError(f"no {kind}: {folder} has sound devices, but {FORBIDDEN}, {ELSE_A_FILE}")
    return AudioDeviceError(
        f"no {kind}: this machine has no such sound device; plug one in, or start the sound server,"
        f" {ELSE_A_FILE}"
    )


def _nodes(folder: Path) -> Iterable[Path]:
    try:
        return list(folder.glob("pcm*"))
    except OSError:
        return []


def _one_line(text: str) -> str:
    return " ".join(text.split())
