from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agentvoice.adapters.wav_input import MAX_FILE_BYTES, WavInput, read_wav
from agentvoice.errors import InvalidAudioFile
from tests.fakes.wav_files import ENCODINGS, Signal, chunk, encode_samples, fmt_chunk, riff, tones, wav_file

CALL_RATE_HZ = 24_000
RATES_HZ = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)
TONES_HZ = (313.0, 1_021.0, 2_903.0)
"""All below half the lowest rate, in no simple ratio to each other or to a block."""

LEAST_SNR_DB = {"u8": 36.0, "s16": 80.0, "s24": 80.0, "s32": 80.0, "f32": 80.0, "f64": 80.0}
"""8 bits carry 38 dB of this signal; the rest is bounded by the call's own 16 bits (83 dB)."""

LEVEL_DB = 0.1
EDGE_S = 0.02
"""At its ends a cut-off sound rings in any resampler: compared is what lies between."""


async def read(tmp_path: Path, file: bytes) -> WavInput:
    path = tmp_path / "caller.wav"
    path.write_bytes(file)
    return await read_wav(path)


def samples_of(wav: WavInput) -> Signal:
    return np.frombuffer(wav.samples, "<i2") / 32_768


def inner(signal: Signal) -> Signal:
    edge = round(EDGE_S * CALL_RATE_HZ)
    return signal[edge:-edge]


def level_db(signal: Signal) -> float:
    return float(10 * np.log10(np.mean(np.square(signal))))


def snr_db(got: Signal, wanted: Signal) -> float:
    return level_db(wanted) - level_db(got - wanted)


def roughness(signal: Signal) -> float:
    """The largest jump in slope: a click at a border stands out of it."""
    return float(np.abs(np.diff(signal, 2)).max())


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("rate_hz", [*RATES_HZ, CALL_RATE_HZ])
async def test_each_conversion_keeps_the_sound(tmp_path: Path, rate_hz: int, encoding: str):
    """Level, signal-to-noise, length and smoothness survive every rate and encoding."""
    seconds = 1.5
    wav = await read(tmp_path, wav_file(tones(rate_hz, seconds, *TONES_HZ), rate_hz, encoding))
    wanted = tones(CALL_RATE_HZ, seconds, *TONES_HZ)
    got = samples_of(wav)
    assert wav.warnings == ()
    assert abs(len(got) - len(wanted)) <= 1
    wanted = wanted[: len(got)]
    got = got[: len(wanted)]
    assert abs(level_db(inner(got)) - level_db(inner(wanted))) <= LEVEL_DB
    assert snr_db(inner(got), inner(wanted)) >= LEAST_SNR_DB[encoding]
    assert np.abs(inner(got)).max() <= np.abs(wanted).max() + 0.01
    assert roughness(inner(got)) <= roughness(inner(wanted)) + (0.04 if encoding == "u8" else 2e-4)


@pytest.mark.parametrize("rate_hz", [11_025, 48_000])
async def test_no_click_where_blocks_meet(tmp_path: Path, rate_hz: int):
    """A file of many read blocks is as smooth and exact as a short one, in every tenth of a second."""
    seconds = 40.0
    stereo = np.repeat(tones(rate_hz, seconds, *TONES_HZ)[:, None], 2, axis=1)
    wav = await read(tmp_path, wav_file(stereo, rate_hz, "f64"))
    got, wanted = samples_of(wav), tones(CALL_RATE_HZ, seconds, *TONES_HZ)
    size = min(len(got), len(wanted)) // 2_400 * 2_400
    errors = (got[:size] - wanted[:size])[2_400:-2_400].reshape(-1, 2_400)
    assert level_db(inner(wanted)) - 10 * np.log10(np.square(errors).mean(axis=1).max()) >= 80
    assert roughness(inner(got)) <= roughness(inner(wanted)) + 2e-4


async def test_a_beyond_full_scale_sound_is_made_quieter(tmp_path: Path):
    """Float sound at four times full scale is not clipped but scaled, and the warning says by how much."""
    signal = tones(48_000, 1, *TONES_HZ, peak=4.0)
    wav = await read(tmp_path, wav_file(signal, 48_000, "f32"))
    wanted = tones(CALL_RATE_HZ, 1, *TONES_HZ, peak=4.0)
    got = samples_of(wav)
    wanted *= np.abs(got).max() / np.abs(wanted).max()
    assert snr_db(inner(got), inner(wanted)) >= 60
    assert 0.999 <= np.abs(got).max() <= 1.0
    assert "beyond full scale" in wav.warnings[0]
    assert "dB quieter" in wav.warnings[0]


async def test_a_full_scale_square_does_not_clip(tmp_path: Path):
    """Where the filter overshoots, the whole sound gets quieter; no run of samples lies at full scale."""
    square = np.where(tones(48_000, 1, 200.0) >= 0, 0.999, -0.999)
    got = samples_of(await read(tmp_path, wav_file(square, 48_000)))
    at_full_scale = np.abs(got) >= 32_767 / 32_768
    assert not np.any(at_full_scale[1:] & at_full_scale[:-1])


async def test_stereo_is_mixed_down(tmp_path: Path):
    """Two channels that are the same come out at their level, in mono."""
    mono = tones(44_100, 0.5, *TONES_HZ)
    got = samples_of(await read(tmp_path, wav_file(np.stack([mono, mono], axis=1), 44_100)))
    assert snr_db(inner(got), inner(tones(CALL_RATE_HZ, 0.5, *TONES_HZ)[: len(got)])) >= 80


async def test_the_call_format_is_passed_through(tmp_path: Path):
    """24 kHz mono PCM16 comes out byte by byte."""
    signal = tones(CALL_RATE_HZ, 0.3, *TONES_HZ)
    wav = await read(tmp_path, wav_file(signal, CALL_RATE_HZ))
    assert wav.samples == encode_samples(signal, "s16")
    assert wav.duration_ms == 300


async def test_a_truncated_file_is_used_with_a_warning(tmp_path: Path):
    """What is there of a truncated file is read; the warning tells."""
    file = wav_file(tones(16_000, 1, *TONES_HZ), 16_000)
    wav = await read(tmp_path, file[: len(file) // 2])
    assert 490 <= wav.duration_ms <= 500
    assert "truncated" in wav.warnings[0]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "the file is empty (0 bytes), want a WAV file"),
        (b"plain text, no sound", "got no WAV file"),
        (riff(chunk(b"fmt ", fmt_chunk(8_000, 1, "s16"))), "no data chunk"),
        (wav_file(np.zeros(10), 96_000), "got 96000 Hz, want 8000 to 48000 Hz"),
        (riff(chunk(b"fmt ", b"\7\0\1\0" + bytes(12))), "got mu-law"),
    ],
    ids=["empty", "text", "headless", "96 kHz", "mu-law"],
)
async def test_unusable_files_are_refused_by_name(tmp_path: Path, file: bytes, words: str):
    """The error names the file, what was got and what is wanted, on one line; its exit code is 2."""
    with pytest.raises(InvalidAudioFile) as refused:
        await read(tmp_path, file)
    message = str(refused.value)
    assert message.startswith(str(tmp_path / "caller.wav"))
    assert words in message
    assert "\n" not in message
    assert refused.value.exit_code == 2


async def test_a_missing_file_is_refused(tmp_path: Path):
    """A path where nothing is gives the system's reason."""
    with pytest.raises(InvalidAudioFile, match=r"nowhere\.wav: cannot be read: No such file"):
        await read_wav(tmp_path / "nowhere.wav")


@pytest.mark.parametrize("name", [".", "/dev/zero"])
async def test_what_is_no_regular_file_is_refused(tmp_path: Path, name: str):
    """Folders, pipes and devices are not read: they could block or never end."""
    with pytest.raises(InvalidAudioFile, match="got no regular file"):
        await read_wav(tmp_path / name)


async def test_a_huge_file_is_refused_unread(tmp_path: Path):
    """Beyond the limit nothing is read; both sizes are named."""
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)  # sparse: it takes no space
    with pytest.raises(
        InvalidAudioFile, match=f"got {MAX_FILE_BYTES + 1} bytes, want at most {MAX_FILE_BYTES}"
    ):
        await read_wav(path)
