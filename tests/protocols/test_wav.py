from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.errors import InvalidAudioFile
from agentvoice.protocols.wav import (
    HEADER_BYTES,
    MAX_DATA_BYTES,
    Mono,
    WavDecoder,
    WavFormat,
    encode_header,
    encode_wav,
)
from tests.fakes.wav_files import (
    ENCODINGS,
    chunk,
    encode_samples,
    fmt_chunk,
    riff,
    tones,
    wav_file,
)

RATE_HZ = 16_000
SIGNAL = tones(RATE_HZ, 0.1, 440, 1_300)
STEPS = {"u8": 1 / 127, "s16": 1 / 32_767, "s24": 2e-7, "s32": 1e-7, "f32": 1e-7, "f64": 1e-7}
"""How far a sample may be from what was stored: a step of the encoding, or of float32."""

FMT = chunk(b"fmt ", fmt_chunk(RATE_HZ, 1, "s16"))
SOUND = encode_samples(SIGNAL, "s16")


def decode(file: bytes) -> tuple[Mono, tuple[str, ...]]:
    decoder = WavDecoder()
    samples = decoder.push(file)
    return samples, decoder.finish()


def refusal(file: bytes) -> str:
    with pytest.raises(InvalidAudioFile) as refused:
        decode(file)
    return str(refused.value)


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_each_encoding_is_decoded(encoding: str, extensible: bool):
    """Every PCM and float size, plain or extensible, gives the stored signal."""
    samples, warnings = decode(wav_file(SIGNAL, RATE_HZ, encoding, extensible=extensible))
    assert warnings == ()
    assert np.abs(samples - SIGNAL).max() <= STEPS[encoding]


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 300])
def test_channels_are_mixed_to_their_mean(channels: int):
    """Any number of channels becomes one: equal channels keep their level, one of n is 1/n of it."""
    same, _ = decode(wav_file(np.repeat(SIGNAL[:, None], channels, axis=1), RATE_HZ))
    assert np.abs(same - SIGNAL).max() <= STEPS["s16"]
    alone = np.zeros((len(SIGNAL), channels))
    alone[:, -1] = SIGNAL
    mixed, _ = decode(wav_file(alone, RATE_HZ))
    assert np.abs(mixed - SIGNAL / channels).max() <= STEPS["s16"]


def test_full_scale_is_kept():
    """The largest and smallest values of each integer size are +1 and -1 within one step."""
    for size in (1, 2, 3, 4):
        low, high = -(1 << (size * 8 - 1)), (1 << (size * 8 - 1)) - 1
        if size == 1:
            stored = bytes([0, 255])
        else:
            stored = low.to_bytes(size, "little", signed=True) + high.to_bytes(size, "little", signed=True)
        fmt = chunk(b"fmt ", fmt_chunk(RATE_HZ, 1, f"s{size * 8}"))
        samples, _ = decode(riff(fmt, chunk(b"data", stored)))
        assert samples.tolist() == pytest.approx([-1.0, 1.0], abs=1 / high)


def test_24_bits_in_4_bytes_are_decoded():
    """A container larger than its bits is left-aligned: its scale is the container's."""
    fmt = struct.pack("<HHIIHH", 1, 1, RATE_HZ, RATE_HZ * 4, 4, 24)
    samples, _ = decode(riff(chunk(b"fmt ", fmt), chunk(b"data", encode_samples(SIGNAL, "s32"))))
    assert np.abs(samples - SIGNAL).max() <= STEPS["s24"]


def test_damaged_floats_become_finite():
    """NaN is silence and infinity is loud, but nothing that is no number comes out."""
    stored = np.array([np.nan, np.inf, -np.inf, 0.25], "<f4").tobytes()
    samples, _ = decode(riff(chunk(b"fmt ", fmt_chunk(RATE_HZ, 1, "f32")), chunk(b"data", stored)))
    assert samples[0] == 0
    assert np.isfinite(samples).all()
    assert samples[3] == 0.25


def test_other_chunks_are_skipped():
    """Chunks before, between and after the two that matter are no sound; odd ones are padded."""
    other = chunk(b"LIST", b"INFO" + b"x" * 101)
    samples, warnings = decode(riff(other, FMT, other, chunk(b"data", SOUND), other))
    assert (len(samples), warnings) == (len(SIGNAL), ())


@pytest.mark.parametrize(
    ("riff_size", "data_size"),
    [(0, 0), (36, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000), (0xFFFFFFFF, 0)],
)
def test_a_streamed_file_is_read_to_its_end(riff_size: int, data_size: int):
    """Sizes that a writer to a pipe (or one that was killed) leaves mean: all that follows is sound."""
    samples, warnings = decode(riff(FMT, chunk(b"data", SOUND, size=data_size), size=riff_size))
    assert (len(samples), warnings) == (len(SIGNAL), ())


def test_a_truncated_file_is_used():
    """Half of the promised sound is there: it is used, and the warning says how much."""
    samples, (warning,) = decode(riff(FMT, chunk(b"data", SOUND[: len(SOUND) // 2], size=len(SOUND))))
    assert len(samples) == len(SIGNAL) // 2
    assert "promises 0.10 s" in warning
    assert "0.05 s are there" in warning


@pytest.mark.parametrize(("size", "words"), [(5, "truncated"), (0xFFFFFFFF, "incomplete")])
def test_an_incomplete_last_sample_is_left_out(size: int, words: str):
    """Sound that ends within a sample is used up to it, with a warning."""
    samples, (warning,) = decode(riff(FMT, chunk(b"data", b"\0\1\0\1\7", size=size))[: 12 + 24 + 8 + 5])
    assert len(samples) == 2
    assert words in warning


@pytest.mark.parametrize(
    ("tag", "name"),
    [(0x06, "A-law"), (0x07, "mu-law"), (0x02, "MS ADPCM"), (0x11, "IMA ADPCM"), (0x55, "MP3")],
)
def test_compressed_sound_is_refused_by_name(tag: int, name: str):
    """A compressed encoding is refused: what it is, and what is wanted."""
    fmt = struct.pack("<HHIIHH", tag, 1, 8_000, 8_000, 1, 8)
    message = refusal(riff(chunk(b"fmt ", fmt), chunk(b"data", bytes(100))))
    assert f"got {name} (format 0x{tag:04x})" in message
    assert "want PCM of 8, 16, 24 or 32 bits or float" in message


def test_extensible_compression_is_refused_by_name():
    """The encoding inside an extensible header counts."""
    fmt = bytearray(fmt_chunk(8_000, 1, "u8", extensible=True))
    fmt[24:26] = (7).to_bytes(2, "little")
    assert "got mu-law" in refusal(riff(chunk(b"fmt ", bytes(fmt)), chunk(b"data", bytes(100))))


@pytest.mark.parametrize("rate_hz", [0, 7_999, 48_001, 96_000, 0xFFFFFFFF])
def test_other_rates_are_refused(rate_hz: int):
    """A rate outside 8 to 48 kHz is refused with both named."""
    fmt = struct.pack("<HHIIHH", 1, 1, rate_hz, 0, 2, 16)
    assert refusal(riff(chunk(b"fmt ", fmt))) == f"sample rate: got {rate_hz} Hz, want 8000 to 48000 Hz"


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "the file is empty (0 bytes)"),
        (b"RIFF", "got a RIFF file of another kind"),
        (b"hello", "got no WAV file (it starts with 68 65 6c 6c)"),
        (b"OggS" + bytes(100), "got an Ogg file"),
        (b"ID3\4" + bytes(100), "got an MP3 file"),
        (b"RIFF\0\0\0\0AVI " + bytes(100), "got a RIFF file of another kind"),
        (b"RF64\0\0\0\0WAVE" + bytes(100), "got an RF64 file"),
        (riff(), "no format chunk was found"),
        (riff(FMT), "no data chunk was found"),
        (riff(FMT[:20]), "ends in its format chunk"),
        (riff(FMT, chunk(b"data", b"")), "has no sound in it"),
        (riff(FMT, chunk(b"data", b""), chunk(b"LIST", bytes(10))), "has no sound in it"),
        (riff(FMT, chunk(b"data", b"\1", size=10))[:-1], "has no sound in it"),
        (riff(chunk(b"data", SOUND), FMT), "data chunk before its format chunk"),
        (riff(chunk(b"fmt ", bytes(14))), "format chunk: got a size of 14 bytes, want 16 to 1024"),
        (riff(chunk(b"fmt ", b"", size=0xFFFFFFFF)), "format chunk: got a size of 4294967295 bytes"),
        (riff(chunk(b"LIST", b"", size=0xFFFFFFF0), FMT), "no format chunk was found"),
        (riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 0, 8_000, 0, 0, 16))), "channels: got 0"),
        (
            riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8_000, 0, 8, 64))),
            "sample size: got PCM of 64 bits",
        ),
        (
            riff(chunk(b"fmt ", struct.pack("<HHIIHH", 3, 1, 8_000, 0, 2, 16))),
            "sample size: got float of 16 bits",
        ),
        (
            riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, 8_000, 0, 3, 16))),
            "sample size: got PCM of 16 bits",
        ),
        (
            riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8_000, 0, 0, 0))),
            "sample size: got PCM of 0 bits",
        ),
    ],
)
def test_unusable_files_are_refused(file: bytes, message: str):
    """Each way of being no usable WAV file has its own words."""
    assert message in refusal(file)


def test_too_long_sound_is_refused():
    """More than an hour is refused while it is read, not after."""
    fmt = chunk(b"fmt ", fmt_chunk(8_000, 1, "u8"))
    decoder = WavDecoder()
    decoder.push(riff(fmt, chunk(b"data", b"", size=0xFFFFFFFF)))
    minute = bytes(8_000 * 60)
    for _ in range(60):
        decoder.push(minute)
    with pytest.raises(InvalidAudioFile, match="more than 60 minutes"):
        decoder.push(b"\x80")


@given(st.data())
def test_pieces_give_what_the_whole_gives(data: st.DataObject):
    """However a file is cut into pieces, the samples are the same to the last bit."""
    encoding = data.draw(st.sampled_from(ENCODINGS))
    stereo = np.stack([SIGNAL[:300], -SIGNAL[200:500]], axis=1)
    file = wav_file(stereo, RATE_HZ, encoding)
    whole, _ = decode(file)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(file)), max_size=20)))
    decoder = WavDecoder()
    pieces = [
        decoder.push(file[start:end]) for start, end in zip([0, *cuts], [*cuts, len(file)], strict=True)
    ]
    assert decoder.finish() == ()
    assert np.array_equal(np.concatenate(pieces), whole)


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_or_decoded(noise: bytes):
    """Whatever stands where a file should be, nothing but InvalidAudioFile comes of it."""
    for file in (noise, riff(noise), riff(FMT, noise), riff(chunk(b"fmt ", noise), chunk(b"data", noise))):
        try:
            samples, _ = decode(file)
        except InvalidAudioFile:
            continue
        assert np.isfinite(samples).all()


@given(st.sampled_from(ENCODINGS), st.integers(0, 59), st.integers(0, 255))
def test_a_damaged_header_is_refused_or_decoded(encoding: str, position: int, value: int):
    """One wrong byte in the header of a good file never raises anything else."""
    file = bytearray(wav_file(SIGNAL[:100], RATE_HZ, encoding, extensible=True))
    file[position] = value
    try:
        samples, _ = decode(bytes(file))
    except InvalidAudioFile:
        return
    assert np.isfinite(samples).all()


@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_encoded_is_read_by_others(channels: int):
    """The standard library reads our file with its length, rate, channels and samples."""
    file = encode_wav(SOUND, 24_000, channels, {"ICMT": "a comment, odd"})
    with wave.open(io.BytesIO(file)) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (24_000, channels, 2)
        assert reader.readframes(1 << 20) == SOUND
    assert struct.unpack_from("<I", file, 4)[0] == len(file) - 8


def test_info_is_stored_after_the_sound():
    """RIFF INFO texts are kept, padded, and are no sound."""
    file = encode_wav(SOUND, RATE_HZ, info={"ICMT": "who made it", "ISFT": "how"})
    samples, warnings = decode(file)
    assert (len(samples), warnings) == (len(SIGNAL), ())
    assert file.endswith(
        chunk(b"LIST", b"INFO" + chunk(b"ICMT", b"who made it\0") + chunk(b"ISFT", b"how\0"))
    )


@given(st.integers(0, 3_000))
def test_a_header_names_only_what_it_was_told(extra_bytes: int):
    """A growing file is valid at every moment: what follows the named sound is ignored."""
    growing = encode_header(RATE_HZ, 1, 1_000) + SOUND[:1_000] + bytes([7]) * extra_bytes
    samples, warnings = decode(growing)
    assert (len(samples), warnings) == (500, ())
    with wave.open(io.BytesIO(growing)) as reader:
        assert reader.getnframes() == 500


def test_a_header_has_its_size_and_limit():
    """The header is HEADER_BYTES long, and refuses more than 32 bits can name."""
    assert len(encode_header(24_000, 2, MAX_DATA_BYTES)) == HEADER_BYTES
    with pytest.raises(ValueError, match="data_bytes"):
        encode_header(24_000, 2, MAX_DATA_BYTES + 1)


def test_a_format_knows_its_length():
    """Seconds are counted in samples of all channels."""
    assert WavFormat(8_000, 2, 3, is_float=False).seconds_of(48_000) == 1.0
