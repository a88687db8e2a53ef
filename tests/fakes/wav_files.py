"""WAV files as other programs write them, built by hand; not with the code under test."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]
"""Samples in time, or (time, channel); 1.0 is full scale."""

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")

ENCODINGS = ("u8", "s16", "s24", "s32", "f32", "f64")


def tones(rate_hz: int, seconds: float, *frequencies_hz: float, peak: float = 0.5) -> Signal:
    """A sum of sines, each with a phase of its own, that reaches at most `peak`."""
    times = np.arange(round(rate_hz * seconds)) / rate_hz
    parts = [np.sin(2 * np.pi * hz * times + number) for number, hz in enumerate(frequencies_hz)]
    mixed: Signal = peak / len(parts) * np.sum(parts, axis=0)
    return mixed


def encode_samples(signal: Signal, encoding: str) -> bytes:
    """The samples as one of ENCODINGS, little endian."""
    match encoding:
        case "u8":
            return np.rint(signal * 127 + 128).astype(np.uint8).tobytes()
        case "s16":
            return np.rint(signal * 32_767).astype("<i2").tobytes()
        case "s24":
            wide = np.rint(signal * ((1 << 23) - 1)).astype("<i4")
            return wide.reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
        case "s32":
            return np.rint(signal * ((1 << 31) - 1)).astype("<i4").tobytes()
        case _:
            return signal.astype("<f4" if encoding == "f32" else "<f8").tobytes()


def fmt_chunk(rate_hz: int, channels: int, encoding: str, *, extensible: bool = False) -> bytes:
    """The body of the `fmt ` chunk."""
    bits = int(encoding[1:])
    tag = FLOAT if encoding[0] == "f" else PCM
    frame_bytes = channels * bits // 8
    numbers = (channels, rate_hz, rate_hz * frame_bytes, frame_bytes, bits)
    if not extensible:
        return struct.pack("<HHIIHH", tag, *numbers)
    return struct.pack("<HHIIHHHHIH", EXTENSIBLE, *numbers, 22, bits, 0, tag) + GUID_TAIL


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """A chunk; `size` is what it claims, if not the truth."""
    return struct.pack("<4sI", name, len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    """A file of these chunks; `size` is what its header claims, if not the truth."""
    body = b"WAVE" + b"".join(chunks)
    return struct.pack("<4sI", b"RIFF", len(body) if size is None else size) + body


def wav_file(signal: Signal, rate_hz: int, encoding: str = "s16", *, extensible: bool = False) -> bytes:
    """A whole file."""
    channels = 1 if signal.ndim == 1 else signal.shape[1]
    fmt = fmt_chunk(rate_hz, channels, encoding, extensible=extensible)
    return riff(chunk(b"fmt ", fmt), chunk(b"data", encode_samples(signal, encoding)))
