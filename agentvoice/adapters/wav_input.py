"""Reads a WAV file for a call: any usable file becomes CALL_FORMAT.

The conversion runs in floating point and rounds to 16 bits once, at the end, so that a 24 bit or
float source loses nothing on the way.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from agentvoice.adapters.pauses import SpeechMap, map_speech
from agentvoice.core.audio import CALL_FORMAT
from agentvoice.errors import InvalidAudioFile
from agentvoice.protocols.wav import Mono, WavDecoder, WavFormat

MAX_FILE_BYTES = 1 << 32
"""The most that a RIFF file can be; how long its sound may be is wav.MAX_DURATION_S."""

_BLOCK_BYTES = 1 << 20
_FULL_SCALE = 32_768
_LARGEST = 32_767 / _FULL_SCALE


@dataclass(frozen=True, slots=True)
class WavInput:
    """A file ready for a call: `samples` in CALL_FORMAT, `format` is how they were stored.

    `speech` says where in it the caller speaks. `warnings` are sentences for the operator (truncated, made quieter); the sound is usable.
    """

    path: Path
    samples: bytes
    format: WavFormat
    speech: SpeechMap
    warnings: tuple[str, ...] = ()

    @property
    def duration_ms(self) -> int:
        """Whole milliseconds of sound."""
        return CALL_FORMAT.ms_of(len(self.samples))


async def read_wav(path: Path) -> WavInput:
    """Read and convert the whole file in a thread.

    Raises InvalidAudioFile naming the file, what was got and what is wanted.
    """
    return await asyncio.to_thread(_read, path)


def _read(path: Path) -> WavInput:
    try:
        _check_file(path)
        converted = _convert(path, gain=1.0)
        if converted.peak <= _LARGEST:
            return converted.finished(path, ())
        # Float files and steep filters go beyond full scale: quieter is better than clipped.
        gain = _LARGEST / converted.peak
        warning = f"the sound goes beyond full scale and was made {-20 * math.log10(gain):.1f} dB quieter"
        return _convert(path, gain).finished(path, (warning,))
    except InvalidAudioFile as error:
        raise InvalidAudioFile(f"{path}: {error}") from None
    except OSError as error:
        raise InvalidAudioFile(f"{path}: cannot be read: {error.strerror}, want a WAV file") from error


def _check_file(path: Path) -> None:
    size_bytes = path.stat().st_size
    if not path.is_file():  # a pipe would block, a folder cannot be read
        raise InvalidAudioFile("got no regular file, want a WAV file")
    if size_bytes > MAX_FILE_BYTES:
        raise InvalidAudioFile(f"got {size_bytes} bytes, want at most {MAX_FILE_BYTES}")


@dataclass(slots=True)
class _Converted:
    blocks: list[bytes]
    format: WavFormat
    warnings: tuple[str, ...]
    peak: float

    def finished(self, path: Path, more_warnings: tuple[str, ...]) -> WavInput:
        samples = b"".join(self.blocks)
        return WavInput(path, samples, self.format, map_speech(samples), self.warnings + more_warnings)


def _convert(path: Path, gain: float) -> _Converted:
    decoder = WavDecoder()
    resampler: soxr.ResampleStream | None = None
    blocks: list[bytes] = []
    peak = 0.0

    def take(samples: Mono, *, is_last: bool = False) -> None:
        nonlocal resampler, peak
        if decoder.format is None or (resampler is None and not len(samples)):
            return
        if resampler is None:
            resampler = soxr.ResampleStream(decoder.format.rate_hz, CALL_FORMAT.rate_hz, 1, dtype="float32")
        converted = resampler.resample_chunk(samples, last=is_last)
        if len(converted):
            peak = max(peak, float(np.abs(converted).max()))
            blocks.append(_round(converted * gain))

    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            take(decoder.push(block))
    warnings = decoder.finish()
    take(np.zeros(0, np.float32), is_last=True)
    assert decoder.format is not None  # finish refuses a file without one
    return _Converted(blocks, decoder.format, warnings, peak)


def _round(samples: Mono) -> bytes:
    scaled = np.rint(samples * np.float32(_FULL_SCALE))
    pcm16: NDArray[np.int16] = np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2")
    return pcm16.tobytes()
