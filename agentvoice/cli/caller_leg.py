"""The caller's end of a call that the CLI starts: a file, the keyboard, or the sound devices."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agentvoice.adapters.call_recording import CallRecording
from agentvoice.adapters.sound_device import SoundDeviceLeg, open_duplex_stream
from agentvoice.adapters.text_leg import TextLeg
from agentvoice.adapters.wav_file import Pace, WavLeg
from agentvoice.adapters.wav_input import WavInput, read_wav
from agentvoice.cli.output import note
from agentvoice.core.leg import CallUpdate
from agentvoice.core.ports import CallerLeg, Clock
from agentvoice.errors import UsageError

MICROPHONE = "mic"
SPEAKER = "speaker"
TYPED = "text"

DEFAULT_DEVICE = ""


@dataclass(frozen=True, slots=True)
class LegOptions:
    """What the command line says: `source` and `target` as --input and --output."""

    source: str = MICROPHONE
    target: str = ""
    texts: tuple[str, ...] = ()
    pace: str = Pace.TURNS.value
    reply_timeout_s: float = 15.0

    def check(self) -> None:
        """Raise UsageError for options that do not go together, before anything is opened."""
        if self.texts and self.source not in (MICROPHONE, TYPED):
            raise UsageError("--say: got it with --input FILE, want either typed turns or a file")
        if self.is_typed or self.source != MICROPHONE:
            if self.target == SPEAKER:
                raise UsageError("--output: got speaker without --input mic, want FILE.wav")
        if self.target and Path(self.source).resolve() == Path(self.target).resolve():
            raise UsageError(f"--output: got {self.target}, want another file than --input")
        for name, value, words in (
            ("--input", self.source, (MICROPHONE, TYPED)),
            ("--output", self.target, ("", SPEAKER)),
        ):
            if value not in words and not value.lower().endswith(".wav"):
                raise UsageError(f"{name}: got {value!r}, want {', '.join(filter(None, words))} or FILE.wav")

    @property
    def is_typed(self) -> bool:
        """Whether the caller types."""
        return bool(self.texts) or self.source == TYPED

    @property
    def recording_path(self) -> Path | None:
        """The file that keeps both sides, None for none."""
        return Path(self.target) if self.target not in ("", SPEAKER) else None


@asynccontextmanager
async def open_leg(
    options: LegOptions, clock: Clock, on_update: Callable[[CallUpdate], None]
) -> AsyncIterator[CallerLeg]:
    """Give the caller's leg; its recording, if any, is whole when the block ends.

    Raises UsageError, InvalidAudioFile or AudioDeviceError.
    """
    wav = await _read_input(options)  # first: a wrong input must not cost an existing output
    async with _recording(options.recording_path) as recording:
        if wav is not None:
            leg: CallerLeg = WavLeg(
                wav,
                clock,
                pace=Pace(options.pace),
                reply_timeout_s=options.reply_timeout_s,
                recording=recording,
                on_update=on_update,
            )
        elif options.is_typed:
            texts = options.texts or typed_lines()
            leg = TextLeg(texts, clock, recording=recording, on_update=on_update)
        else:
            leg = await _open_device(clock, recording, on_update)
        try:
            yield leg
        finally:
            await leg.close()


async def _read_input(options: LegOptions) -> WavInput | None:
    if options.is_typed or options.source == MICROPHONE:
        return None
    wav = await read_wav(Path(options.source))
    for warning in wav.warnings:
        note(f"{wav.path}: {warning}")
    return wav


async def _open_device(
    clock: Clock, recording: CallRecording | None, on_update: Callable[[CallUpdate], None]
) -> SoundDeviceLeg:
    stream = open_duplex_stream(DEFAULT_DEVICE, DEFAULT_DEVICE)
    leg = SoundDeviceLeg(stream, clock, recording=recording, on_update=on_update)
    await leg.open()
    return leg


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
