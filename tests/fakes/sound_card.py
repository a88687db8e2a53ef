"""A sound card that plays one block when told to, and sounddevice on a machine with given devices."""

from __future__ import annotations

import threading
from types import ModuleType, SimpleNamespace
from typing import Any

from agentvoice.adapters.device_rate import BlockCallback
from agentvoice.adapters.device_stream import Stopped

SAMPLES = 480
SPOKEN = b"\1\0" * SAMPLES


class FakeStream:
    """One running stream; its callback is called from a thread of its own, as PortAudio does."""

    def __init__(self, delay_ms: int = 0) -> None:
        self.is_closed = False
        self.delay_ms = delay_ms
        self._callback: BlockCallback | None = None
        self._stopped: Stopped | None = None

    def open(self, callback: BlockCallback, stopped: Stopped) -> FakeStream:
        self._callback, self._stopped = callback, stopped
        return self

    def close(self) -> None:
        self.is_closed = True
        self.stop()

    def stop(self) -> None:
        """End the stream as PortAudio does, when told to and when the device goes away."""
        assert self._stopped is not None
        self._in_thread(self._stopped)

    def pass_block(self, heard: bytes = SPOKEN, ahead_samples: int = 0) -> bytes:
        """Begin a block: hear `heard`, return what is given to the speaker, which plays it after `ahead_samples`."""
        assert self._callback is not None
        speaker = bytearray(SAMPLES * 2)
        self._in_thread(self._callback, heard, speaker, ahead_samples)
        return bytes(speaker)

    def _in_thread(self, what: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=what, args=arguments)
        thread.start()
        thread.join()


class FakePortAudio(ModuleType):
    """sounddevice with `devices`: (name, inputs, outputs, preferred rate).

    Streams open at `rates_hz` only; what `refusal` holds is raised instead, if anything.
    """

    class PortAudioError(Exception):
        """As sounddevice's: a text, a code, and of foreign errors three more values."""

    def __init__(
        self,
        *devices: tuple[str, int, int, float],
        default: tuple[int, int] = (0, 0),
        rates_hz: tuple[int, ...] = (24_000,),
        refusal: tuple[Any, ...] = (),
    ) -> None:
        super().__init__("sounddevice")
        self.default = SimpleNamespace(device=default)
        self.opened: list[dict[str, Any]] = []
        self.streams: list[Any] = []
        self.start_refusal: tuple[Any, ...] = ()
        self._devices = devices
        self._rates_hz = rates_hz
        self._refusal = refusal

    def query_devices(self) -> list[dict[str, object]]:
        names = ("name", "max_input_channels", "max_output_channels", "default_samplerate")
        return [dict(zip(names, device, strict=True)) for device in self._devices]

    def RawStream(self, **options: Any) -> Any:
        self.opened.append(options)
        if self._refusal:
            raise self.PortAudioError(*self._refusal)
        if options["samplerate"] not in self._rates_hz:
            raise self.PortAudioError("Error opening RawStream: Invalid sample rate", -9997)
        made = _Stream(self)
        self.streams.append(made)
        return made


class _Stream:
    latency = (0.01, 0.03)

    def __init__(self, port_audio: FakePortAudio) -> None:
        self._port_audio = port_audio
        self.is_closed = False

    def start(self) -> None:
        if self._port_audio.start_refusal:
            raise self._port_audio.PortAudioError(*self._port_audio.start_refusal)

    def close(self) -> None:
        self.is_closed = True
