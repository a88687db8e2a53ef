"""The caller's end of a call that the CLI starts: a file, the keyboard, or the sound devices."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from agentvoice.adapters.call_recording import CallRecording
from agentvoice.adapters.device_stream import DeviceNames, open_duplex_stream
from agentvoice.adapters.echo_cancellation import EchoCanceller
from agentvoice.adapters.sound_device import SoundDeviceLeg
from agentvoice.adapters.text_leg import TextLeg
from agentvoice.adapters.wav_file import Pace, WavLeg
from agentvoice.adapters.wav_input import WavInput, read_wav
from agentvoice.cli.output import note
from agentvoice.config import SoundSettings
from agentvoice.core.echo import EchoControl, EchoMode, FullDuplex, HalfDuplexGate
from agentvoice.core.leg import CallUpdate
from agentvoice.core.ports import CallerLeg, Clock
from agentvoice.errors import UsageError

MICROPHONE = "mic"
SPEAKER = "speaker"
TYPED = "text"

_OTHER_FILE = re.compile(r"[/\\]|\.[a-z][a-z0-9]{1,3}$", re.IGNORECASE)
"""A path, or an ending like .mp3: no device is called so, somebody means a file."""


@dataclass(frozen=True, slots=True)
class LegOptions:
    """What the command line says (`source` and `target` as --input and --output), and the settings."""

    source: str = MICROPHONE
    target: str = ""
    texts: tuple[str, ...] = ()
    pace: str = Pace.TURNS.value
    reply_timeout_s: float = 15.0
    sound: SoundSettings = field(default_factory=SoundSettings)
    has_headphones: bool = False

    def check(self) -> None:
        """Raise UsageError for options that do not go together, before anything is opened."""
        if self.texts and self.source not in (MICROPHONE, TYPED):
            raise UsageError("--say: got it with --input FILE or DEVICE, want either typed turns or a voice")
        for name, value, words in (
            ("--input", self.source, (MICROPHONE, TYPED)),
            ("--output", self.target, ("", SPEAKER)),
        ):
            if value not in words and not _is_wav(value) and _OTHER_FILE.search(value):
                wanted = ", ".join(filter(None, words))
                raise UsageError(f"{name}: got {value!r}, want {wanted}, FILE.wav or a device")
        if not self.is_spoken:
            if self.target and not _is_wav(self.target):
                raise UsageError(
                    f"--output: got {self.target} without a microphone as --input, want FILE.wav"
                )
            if self.has_headphones:
                raise UsageError("--headphones: got it without a microphone as --input")
        if _is_wav(self.target) and Path(self.source).resolve() == Path(self.target).resolve():
            raise UsageError(f"--output: got {self.target}, want another file than --input")

    @property
    def is_typed(self) -> bool:
        """Whether the caller types."""
        return bool(self.texts) or self.source == TYPED

    @property
    def is_spoken(self) -> bool:
        """Whether the caller speaks into a microphone."""
        return not self.is_typed and not _is_wav(self.source)

    @property
    def recording_path(self) -> Path | None:
        """The file that keeps both sides, None for none."""
        return Path(self.target) if _is_wav(self.target) else None

    @property
    def devices(self) -> DeviceNames:
        """Microphone and speaker: what the command line names, else the settings."""
        names = DeviceNames(self.sound.input, self.sound.output, "sound.input", "sound.output")
        if self.source != MICROPHONE:
            names = replace(names, microphone=self.source, microphone_option="--input")
        if self.target not in ("", SPEAKER) and not _is_wav(self.target):
            names = replace(names, speaker=self.target, speaker_option="--output")
        return names

    def echo_control(self) -> EchoControl:
        """Return what keeps the agents from hearing themselves; raises AudioDeviceError."""
        if self.has_headphones or self.sound.echo == EchoMode.OFF:
            return FullDuplex()
        return (
            EchoCanceller() if self.sound.echo == EchoMode.CANCEL else HalfDuplexGate(self.sound.echo_tail_ms)
        )


def _is_wav(value: str) -> bool:
    return value.lower().endswith(".wav")


@asynccontextmanager
async def open_leg(
    options: LegOptions,
    clock: Clock,
    on_update: Callable[[CallUpdate], None],
    on_level: Callable[[float, bool], None] | None = None,
) -> AsyncIterator[CallerLeg]:
    """Give the caller's leg; its recording, if any, is whole when the block ends.

    `on_level` is told of the microphone, as SoundDeviceLeg says. Raises UsageError,
    InvalidAudioFile or AudioDeviceError.
    """
    # First: a wrong input, or a busy device, must not cost an existing output.
    wav = await _read_input(options)
    device = await _open_device(options, clock, on_update, on_level)
    try:
        async with _recording(options.recording_path) as recording:
            if device is not None:
                device.recording = recording
            leg = device or _unspoken_leg(options, wav, clock, recording, on_update)
            try:
                yield leg
            finally:
                await leg.close()
    finally:
        if device is not None:
            await device.close()


def _unspoken_leg(
    options: LegOptions,
    wav: WavInput | None,
    clock: Clock,
    recording: CallRecording | None,
    on_update: Callable[[CallUpdate], None],
) -> CallerLeg:
    if wav is None:
        return TextLeg(options.texts or typed_lines(), clock, recording=recording, on_update=on_update)
    return WavLeg(
        wav,
        clock,
        pace=Pace(options.pace),
        reply_timeout_s=options.reply_timeout_s,
        recording=recording,
        on_update=on_update,
    )


async def _open_device(
    options: LegOptions,
    clock: Clock,
    on_update: Callable[[CallUpdate], None],
    on_level: Callable[[float, bool], None] | None,
) -> SoundDeviceLeg | None:
    if not options.is_spoken:
        return None
    stream, echo = open_duplex_stream(options.devices), options.echo_control()
    device = SoundDeviceLeg(stream, clock, echo, on_update=on_update, on_level=on_level)
    await device.open()
    return device


async def _read_input(options: LegOptions) -> WavInput | None:
    if options.is_typed or options.is_spoken:
        return None
    wav = await read_wav(Path(options.source))
    for warning in wav.warnings:
        note(f"{wav.path}: {warning}")
    return wav


@asynccontextmanager
async def _recording(path: Path | None) -> AsyncIterator[CallRecording | None]:
    if path is None:
        yield None
        return
    recording = await asyncio.to_thread(CallRecording.create, path)
    try:
        yield recording
    finally:
        await asyncio.to_thread(recording.close)
        if recording.failure:
            note(f"the recording is incomplete: {recording.failure}")


async def typed_lines() -> AsyncIterator[str]:
    """Yield the lines of standard input, one turn each, until its end.

    A thread of its own reads them: the process must not wait for a last Enter when a call ends.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        while line := sys.stdin.readline():
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=read, name="typed lines", daemon=True).start()
    while line := await lines.get():
        yield line
