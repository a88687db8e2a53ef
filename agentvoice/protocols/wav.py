"""WAV files (RIFF/WAVE, Microsoft's multimedia data standards update 1994 and `ksmedia.h`).

Decoding is incremental: bytes in, mono samples out, so that a long file never has to lie in memory
as it came. Taken are integer PCM of 8 to 32 bits and float of 32 or 64 bits, plain or extensible,
with any number of channels (mixed down to their mean, which cannot clip). Nothing here does I/O.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from agentvoice.errors import InvalidAudioFile

MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 48_000
MAX_DURATION_S = 3_600
"""Longer files are refused: an hour is 173 MB in the call's format, which a leg holds in memory."""

HEADER_BYTES = 44
"""Size of what `encode_header` returns."""
MAX_DATA_BYTES = 0xFFFF_FFFF - (HEADER_BYTES - 8)
"""Sound that one RIFF file can hold: its sizes are 32 bits."""

Mono = NDArray[np.float32]
"""Samples, 1.0 is full scale; a float file may go beyond it."""

_WANTED = "want PCM of 8, 16, 24 or 32 bits or float of 32 or 64 bits"
_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_ENCODING_NAMES = {
    0x0002: "MS ADPCM",
    0x0006: "A-law",
    0x0007: "mu-law",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0055: "MP3",
    0x00FF: "AAC",
}
_FOREIGN_FILES = (
    (b"RIFX", "a big-endian RIFX file"),
    (b"RF64", "an RF64 file"),
    (b"RIFF", "a RIFF file of another kind"),
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC file"),
    (b"ID3", "an MP3 file"),
    (b"\xff\xfb", "an MP3 file"),
    (b"FORM", "an AIFF file"),
    (b"\x1a\x45\xdf\xa3", "a WebM or Matroska file"),
)
_EXTENSIBLE_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_FMT_BYTES = range(16, 1_025)
"""Sizes of a `fmt ` chunk that are believed; the largest known real one has 40 bytes."""
_STREAMED_FROM_BYTES = 0x7FFF_F000
"""Programs that write to a pipe put sizes from here up: the length was not known to them."""
_MAX_FLOAT = 1e6
"""Float samples beyond it are damage, not loudness."""


@dataclass(frozen=True, slots=True)
class WavFormat:
    """How the samples of a file are stored; `sample_bytes` is the size of one channel's sample."""

    rate_hz: int
    channels: int
    sample_bytes: int
    is_float: bool

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * self.sample_bytes

    def seconds_of(self, size_bytes: int) -> float:
        """Seconds of sound in `size_bytes` bytes."""
        return size_bytes / (self.frame_bytes * self.rate_hz)


class _Part(Enum):
    """Which part of the file comes next."""

    RIFF = "RIFF header"
    CHUNK = "chunk header"
    FORMAT = "format chunk"
    SKIPPED = "chunk of no interest"
    DATA = "data chunk"
    REST = "what follows the sound"


class WavDecoder:
    """One file, pushed piece by piece; every bad file raises InvalidAudioFile."""

    def __init__(self) -> None:
        self.format: WavFormat | None = None
        """Known as soon as the format chunk was read."""
        self._part = _Part.RIFF
        self._pending = bytearray()
        self._has_bytes = False
        self._riff_size = 0
        self._part_left = 0  # bytes of the chunk that are still to come
        self._declared = 0
        self._is_open_ended = False
        self._has_data = False
        self._taken = 0  # bytes of sound turned into samples

    def push(self, data: bytes) -> Mono:
        """Take the next bytes of the file; return the samples they complete, mixed to mono.

        Raises InvalidAudioFile as soon as the file cannot be used or is longer than MAX_DURATION_S.
        """
        self._has_bytes = self._has_bytes or bool(data)
        self._pending += data
        blocks: list[Mono] = []
        while self._advance(blocks):
            pass
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)

    def finish(self) -> tuple[str, ...]:
        """The file is at its end: return warnings, one sentence each.

        Raises InvalidAudioFile when there was no sound in it.
        """
        if not self._has_bytes:
            raise InvalidAudioFile("the file is empty (0 bytes), want a WAV file")
        if self._part is _Part.RIFF:
            raise _foreign(bytes(self._pending))
        if self.format is None or not self._has_data:
            missing = "format" if self.format is None else "data"
            raise InvalidAudioFile(
                f"the WAV file ends in its {self._part.value}: no {missing} chunk was found"
            )
        if not self._taken:
            raise InvalidAudioFile("the WAV file has no sound in it (0 samples)")
        if self._part is _Part.DATA and self._part_left and not self._is_open_ended:
            promised_s = self.format.seconds_of(self._declared)
            found_s = self.format.seconds_of(self._taken)
            return (
                f"the file is truncated: its header promises {promised_s:.2f} s of sound, "
                f"{found_s:.2f} s are there and are used",
            )
        if self._pending:
            return ("the last sample is incomplete and was left out",)
        return ()

    def _advance(self, blocks: list[Mono]) -> bool:
        """Take in the next part if enough of it is there; say whether it was."""
        match self._part:
            case _Part.RIFF:
                return self._take_riff_header()
            case _Part.CHUNK:
                return self._take_chunk_header()
            case _Part.FORMAT:
                return self._take_format()
            case _Part.SKIPPED:
                return self._skip()
            case _Part.DATA:
                return self._take_sound(blocks)
            case _:
                self._pending.clear()
                return False

    def _take_riff_header(self) -> bool:
        if len(self._pending) < 12:
            return False
        magic, self._riff_size, kind = struct.unpack("<4sI4s", self._cut(12))
        if magic != b"RIFF" or kind != b"WAVE":
            raise _foreign(magic)
        self._part = _Part.CHUNK
        return True

    def _take_chunk_header(self) -> bool:
        if len(self._pending) < 8:
            return False
        name, size = struct.unpack("<4sI", self._cut(8))
        self._part_left = size
        if name == b"data":
            self._begin_data(size)
        elif name == b"fmt ":
            if size not in _FMT_BYTES:
                raise InvalidAudioFile(
                    f"format chunk: got a size of {size} bytes, want {_FMT_BYTES[0]} to {_FMT_BYTES[-1]}"
                )
            self._part = _Part.FORMAT
        else:
            self._part_left += size % 2  # chunks are padded to even sizes
            self._part = _Part.SKIPPED
        return True

    def _begin_data(self, size: int) -> None:
        if self.format is None:
            raise InvalidAudioFile("the WAV file has its data chunk before its format chunk")
        self._has_data = True
        # A writer that was killed, or wrote to a pipe, leaves 0 in both sizes (RIFF: at most its header).
        is_unset = size == 0 and not HEADER_BYTES - 8 < self._riff_size < _STREAMED_FROM_BYTES
        self._is_open_ended = is_unset or size >= _STREAMED_FROM_BYTES
        self._declared = MAX_DATA_BYTES if is_unset else size
        self._part_left = self._declared
        self._part = _Part.DATA if self._declared else _Part.SKIPPED

    def _take_format(self) -> bool:
        if len(self._pending) < self._part_left:
            return False
        self.format = _decode_format(self._cut(self._part_left))
        self._part = _Part.CHUNK
        return True

    def _skip(self) -> bool:
        self._part_left -= len(self._cut(min(len(self._pending), self._part_left)))
        if self._part_left:
            return False
        self._part = _Part.CHUNK
        return True

    def _take_sound(self, blocks: list[Mono]) -> bool:
        assert self.format is not None  # _begin_data refuses the file otherwise
        available = min(len(self._pending), self._part_left)
        usable = available - available % self.format.frame_bytes
        if usable:
            self._taken += usable
            self._part_left -= usable
            if self.format.seconds_of(self._taken) > MAX_DURATION_S:
                raise InvalidAudioFile(
                    f"the sound is too long: got more than {MAX_DURATION_S // 60} minutes, want at most that"
                )
            blocks.append(_mix_down(self._cut(usable), self.format))
        if self._part_left >= self.format.frame_bytes:
            return False
        if self._part_left and len(self._pending) <= self._part_left:
            return False  # a last sample of which the header itself promises only a part
        self._part = _Part.REST
        return True

    def _cut(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken


def encode_header(rate_hz: int, channels: int, data_bytes: int, trailer_bytes: int = 0) -> bytes:
    """Return the HEADER_BYTES in front of `data_bytes` of PCM16.

    `trailer_bytes` is the size of chunks that follow. Written again at the start of a growing file,
    it keeps that file valid: what is behind the sizes it names is not part of it.
    """
    if not 0 <= data_bytes + trailer_bytes <= MAX_DATA_BYTES:
        raise ValueError(f"data_bytes: got {data_bytes}, want 0 to {MAX_DATA_BYTES}")
    frame_bytes = channels * 2
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", HEADER_BYTES - 8 + data_bytes + trailer_bytes, b"WAVE",
        b"fmt ", 16, _PCM, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, 16,
        b"data", data_bytes,
    )  # fmt: skip


def encode_wav(pcm16: bytes, rate_hz: int, channels: int = 1, info: Mapping[str, str] | None = None) -> bytes:
    """Return a whole file of little-endian PCM16; `info` maps RIFF INFO ids (`ICMT` …) to texts."""
    trailer = _encode_info(info) if info else b""
    padded = pcm16 + b"\0" * (len(pcm16) % 2)
    return encode_header(rate_hz, channels, len(pcm16), len(trailer)) + padded + trailer


def _encode_info(info: Mapping[str, str]) -> bytes:
    body = b"INFO"
    for name, text in info.items():
        value = text.encode() + b"\0"
        body += struct.pack("<4sI", name.encode("ascii"), len(value)) + value + b"\0" * (len(value) % 2)
    return struct.pack("<4sI", b"LIST", len(body)) + body


def _decode_format(body: bytes) -> WavFormat:
    tag, channels, rate_hz, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE and len(body) >= 40 and body[26:40] == _EXTENSIBLE_GUID_TAIL:
        tag = int.from_bytes(body[24:26], "little")
    if tag not in (_PCM, _FLOAT):
        name = _ENCODING_NAMES.get(tag, "an unknown encoding")
        raise InvalidAudioFile(f"encoding: got {name} (format 0x{tag:04x}), {_WANTED}")
    if not channels:
        raise InvalidAudioFile("channels: got 0, want 1 or more")
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise InvalidAudioFile(f"sample rate: got {rate_hz} Hz, want {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz")
    # 20 bits in 3 bytes or 24 in 4 are stored left-aligned, so the container alone tells the scale.
    sample_bytes = frame_bytes // channels or (bits + 7) // 8
    is_whole = frame_bytes in (0, sample_bytes * channels) and bits <= sample_bytes * 8
    is_float = tag == _FLOAT
    if not is_whole or sample_bytes not in ((4, 8) if is_float else (1, 2, 3, 4)):
        kind = "float" if is_float else "PCM"
        raise InvalidAudioFile(f"sample size: got {kind} of {bits} bits in {sample_bytes} bytes, {_WANTED}")
    return WavFormat(rate_hz, channels, sample_bytes, is_float)


def _mix_down(data: bytes, format: WavFormat) -> Mono:
    samples = _full_scale_samples(data, format.sample_bytes, is_float=format.is_float)
    mono: Mono = samples.reshape(-1, format.channels).mean(axis=1).astype(np.float32)
    return mono


def _full_scale_samples(data: bytes, sample_bytes: int, *, is_float: bool) -> NDArray[np.float64]:
    if is_float:
        floats: NDArray[np.float64] = np.frombuffer(data, f"<f{sample_bytes}").astype(np.float64)
        return np.clip(np.nan_to_num(floats, nan=0.0), -_MAX_FLOAT, _MAX_FLOAT)
    if sample_bytes == 1:
        return (np.frombuffer(data, np.uint8) - np.float64(128)) / 128  # 8 bits are unsigned
    integers = np.frombuffer(data, np.uint8).reshape(-1, sample_bytes)
    aligned = np.zeros((len(integers), 4), np.uint8)
    aligned[:, 4 - sample_bytes :] = integers
    return aligned.view("<i4").reshape(-1) / np.float64(1 << 31)


def _foreign(start: bytes) -> InvalidAudioFile:
    for magic, name in _FOREIGN_FILES:
        if start.startswith(magic):
            return InvalidAudioFile(f"got {name}, want a WAV file; {_WANTED}")
    return InvalidAudioFile(
        f"got no WAV file (it starts with {start[:4].hex(' ') or 'nothing'}), want RIFF/WAVE"
    )
