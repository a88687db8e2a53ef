"""The sound devices of this machine, as PortAudio lists them, and the choice of one by name or number.

sounddevice is imported when a device is first asked for: without the PortAudio library the import
itself fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from agentvoice.adapters.device_errors import (
    LIST_COMMAND,
    explain_device_error,
    explain_missing_portaudio,
    explain_no_device,
)
from agentvoice.errors import UsageError


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """A device as PortAudio names it; `rate_hz` is the one that it prefers."""

    number: int
    name: str
    inputs: int
    outputs: int
    rate_hz: int
    is_default_input: bool = False
    is_default_output: bool = False


class Side(Enum):
    """What a device is wanted for."""

    MICROPHONE = "microphone"
    SPEAKER = "speaker"

    def channels(self, device: SoundDevice) -> int:
        """Return how many channels the device has on this side."""
        return device.inputs if self is Side.MICROPHONE else device.outputs

    def is_default(self, device: SoundDevice) -> bool:
        """Whether the system takes the device where none is named."""
        return device.is_default_input if self is Side.MICROPHONE else device.is_default_output


def list_devices() -> tuple[SoundDevice, ...]:
    """Return all devices; raises AudioDeviceError when PortAudio is missing or fails."""
    sounddevice = import_sounddevice()
    try:
        found = list(sounddevice.query_devices())
        default_input, default_output = sounddevice.default.device
    except sounddevice.PortAudioError as error:
        raise explain_device_error(error) from error
    return tuple(
        SoundDevice(
            number,
            device["name"],
            device["max_input_channels"],
            device["max_output_channels"],
            round(device["default_samplerate"]),
            number == default_input,
            number == default_output,
        )
        for number, device in enumerate(found)
    )


def choose_device(devices: Sequence[SoundDevice], wanted: str, side: Side, name: str) -> SoundDevice:
    """Return the device that `wanted` means: its number, its name, a part of it; "": the system's.

    `name` is the option or setting that the choice comes from. Raises UsageError naming it when it
    means no device of that side or several, AudioDeviceError when the machine has none.
    """
    fit = [device for device in devices if side.channels(device)]
    if not fit:
        raise explain_no_device(side.value)
    if not wanted:
        return next((device for device in fit if side.is_default(device)), fit[0])
    found = _matching(fit, wanted.strip().casefold())
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"{name}: got {wanted!r}, want a {side.value} that is listed by: {LIST_COMMAND}")
    several = ", ".join(f"{device.number} {device.name}" for device in found)
    raise UsageError(f"{name}: got {wanted!r}, which may be {several}; want one of their numbers")


def _matching(devices: Sequence[SoundDevice], wanted: str) -> list[SoundDevice]:
    if wanted.isdecimal():
        return [device for device in devices if device.number == int(wanted)]
    same = [device for device in devices if device.name.casefold() == wanted]
    return same or [device for device in devices if wanted in device.name.casefold()]


def import_sounddevice() -> Any:
    """Return the module; raises AudioDeviceError where it does not find PortAudio."""
    try:
        import sounddevice
    except OSError as error:
        raise explain_missing_portaudio(error) from error
    return sounddevice
