"""A running stream of microphone and speaker through PortAudio, at a rate that both take."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from agentvoice.adapters.device_errors import explain_device_error
from agentvoice.adapters.device_rate import BlockCallback, RateConverter, block_samples, delay_of
from agentvoice.adapters.sound_devices import (
    Side,
    SoundDevice,
    choose_device,
    import_sounddevice,
    list_devices,
)
from agentvoice.core.audio import CALL_FORMAT

COMMON_RATES_HZ = (48_000, 44_100, 32_000, 16_000)
"""Tried after the call's own and those that the devices prefer."""

INVALID_RATE = -9997  # paInvalidSampleRate
STDERR = 2

Stopped = Callable[[], None]


class SoundStream(Protocol):
    """A running duplex stream."""

    @property
    def delay_ms(self) -> int:
        """From a block given out until its echo can be heard in one taken in."""
        ...

    def close(self) -> None:
        """Stop calling back; waits for a callback that runs."""
        ...


OpenStream = Callable[[BlockCallback, Stopped], SoundStream]
"""Opens and starts a stream. `Stopped` is called from any thread when it has stopped, for whatever reason."""


@dataclass(frozen=True, slots=True)
class DeviceNames:
    """Microphone and speaker by name or number ("": the system's), and what says so."""

    microphone: str = ""
    speaker: str = ""
    microphone_option: str = "--input"
    speaker_option: str = "--output"


class DeviceStream:
    """PortAudio's stream and its delay."""

    def __init__(self, stream: Any, delay_ms: int) -> None:
        self._stream = stream
        self.delay_ms = delay_ms

    def close(self) -> None:
        """Stop the devices."""
        self._stream.close()


def open_duplex_stream(names: DeviceNames) -> OpenStream:
    """Return an opener of a mono stream on the named devices, in blocks of the call.

    The opener raises UsageError for a name that means no device, else AudioDeviceError.
    """

    def open_stream(callback: BlockCallback, stopped: Stopped) -> SoundStream:
        with quiet_stderr():
            devices = list_devices()
        microphone = choose_device(devices, names.microphone, Side.MICROPHONE, names.microphone_option)
        speaker = choose_device(devices, names.speaker, Side.SPEAKER, names.speaker_option)
        return _open_at_a_rate(microphone, speaker, callback, stopped)

    return open_stream


def rates_to_try(microphone: SoundDevice, speaker: SoundDevice) -> Sequence[int]:
    """Return the sample rates in the order of their worth: without conversion, preferred, usual."""
    preferred = (CALL_FORMAT.rate_hz, speaker.rate_hz, microphone.rate_hz)
    return list(dict.fromkeys((*preferred, *COMMON_RATES_HZ)))


def _open_at_a_rate(
    microphone: SoundDevice, speaker: SoundDevice, callback: BlockCallback, stopped: Stopped
) -> SoundStream:
    sounddevice = import_sounddevice()
    refused: Exception = ValueError("no rate was tried")
    for rate_hz in rates_to_try(microphone, speaker):
        try:
            return _open(sounddevice, (microphone.number, speaker.number), rate_hz, callback, stopped)
        except sounddevice.PortAudioError as error:
            refused = error
            if error.args[1:2] != (INVALID_RATE,):
                break
    named = f"microphone {microphone.name!r}, speaker {speaker.name!r}"
    raise explain_device_error(refused, named) from refused


def _open(
    sounddevice: Any, devices: tuple[int, int], rate_hz: int, callback: BlockCallback, stopped: Stopped
) -> SoundStream:
    converter = RateConverter(callback, rate_hz)
    with quiet_stderr():
        stream = sounddevice.RawStream(
            samplerate=rate_hz,
            blocksize=block_samples(rate_hz),
            device=devices,
            channels=1,
            dtype="int16",
            latency="low",
            callback=converter,
            finished_callback=stopped,
        )
        converter.usual_output_delay_s = stream.latency[1]
        try:
            stream.start()
        except sounddevice.PortAudioError:
            stream.close()
            raise
    return DeviceStream(stream, delay_of(stream.latency, rate_hz))


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep ALSA and PortAudio from writing to the terminal: what they say comes as an error too."""
    kept = os.dup(STDERR)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STDERR)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)
