"""Recordings of people, with what they said: Debian packages, nothing of it made here.

The prompts of Asterisk (one speaker, telephone sentences, CC-BY-SA-3.0) at 16 kHz (G.722) and 8 kHz,
and sentences of a LibriVox reader that come with pocketsphinx.
"""

from __future__ import annotations

import gzip
import re
import wave
from dataclasses import dataclass
from pathlib import Path

import G722
import numpy as np
import pytest

from agentvoice.adapters.resample import StreamResampler

PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
PROMPT_TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
G722_BITS_PER_S = 64_000
MIN_WORDS, MAX_WORDS = 6, 16


@dataclass(frozen=True)
class Recording:
    """`pcm16_16k` says `text`."""

    name: str
    text: str
    pcm16_16k: bytes


def telephone_prompts(count: int, *, narrow: bool = False) -> list[Recording]:
    """Return `count` prompts, spread over all whole sentences; `narrow`: the 8 kHz recordings."""
    whole = [
        (name, text)
        for name, text in _prompt_texts()
        if MIN_WORDS <= len(text.split()) <= MAX_WORDS and text[0].isupper() and text[-1] in ".?!"
    ]
    chosen = [whole[index * len(whole) // count] for index in range(count)]
    return [Recording(name, text, _narrow(name) if narrow else _wide(name)) for name, text in chosen]


def read_sentences() -> list[Recording]:
    """Return the sentences of the LibriVox reader."""
    found = []
    for line in _needed(LIBRIVOX / "transcription").read_text().splitlines():
        match = re.fullmatch(r"<s> (.*) </s> \((.*)\)", line)
        assert match is not None, line
        with wave.open(str(LIBRIVOX / f"{match[2]}.wav")) as file:
            found.append(Recording(match[2], match[1], file.readframes(file.getnframes())))
    return found


def _prompt_texts() -> list[tuple[str, str]]:
    with gzip.open(_needed(PROMPT_TEXTS), "rt", encoding="latin-1") as file:
        lines = [line.strip().partition(": ") for line in file if not line.startswith(";")]
    return [
        (name, text.strip())
        for name, _, text in lines
        if text and "[" not in text and (PROMPTS / f"{name}.g722").exists()
    ]


def _wide(name: str) -> bytes:
    coded = _needed(PROMPTS / f"{name}.g722").read_bytes()
    samples = G722.G722(16_000, G722_BITS_PER_S).decode(coded)
    return np.asarray(samples, dtype="<i2").tobytes()


def _narrow(name: str) -> bytes:
    with wave.open(str(_needed(PROMPTS / f"{name}.wav"))) as file:
        resampler = StreamResampler(file.getframerate(), 16_000)
        return resampler.push(file.readframes(file.getnframes())) + resampler.flush()


def _needed(file: Path) -> Path:
    if not file.exists():
        pytest.fail(f"{file} is missing: run tools/apt-packages.sh test")
    return file
