"""What the doctor says of microphone and speaker."""

from __future__ import annotations

from collections.abc import Iterator

from agentvoice.cli.doctor_finding import Finding
from agentvoice.config import SoundSettings
from agentvoice.errors import AgentVoiceError


def look_at_sound(settings: SoundSettings) -> Iterator[Finding]:
    """Tell which devices a call from this terminal would take; without any, calls go by page and file."""
    from agentvoice.adapters.device_stream import quiet_stderr
    from agentvoice.adapters.sound_devices import Side, choose_device, list_devices

    try:
        with quiet_stderr():
            devices = list_devices()
    except AgentVoiceError as error:
        yield Finding("sound", False, str(error), needed=False)
        return
    for side, wanted, name in (
        (Side.MICROPHONE, settings.input, "sound.input"),
        (Side.SPEAKER, settings.output, "sound.output"),
    ):
        try:
            device = choose_device(devices, wanted, side, name)
        except AgentVoiceError as error:
            yield Finding(side.value, False, str(error), needed=False)
        else:
            yield Finding(side.value, True, f"{device.name}, {device.rate_hz} Hz", needed=False)
