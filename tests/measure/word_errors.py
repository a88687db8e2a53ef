"""Word error rate: how many words were heard wrong, with spelling differences taken out."""

from __future__ import annotations

import re
from collections.abc import Iterable

import jiwer

NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
SPELLINGS = {
    "mr": "mister",
    "goodbye": "good bye",
    "login": "log in",
    "voicemail": "voice mail",
    "ok": "okay",
}


def plain_words(text: str) -> str:
    """Return `text` in lower case, without punctuation, small numbers in words."""
    words = re.sub(r"[^a-z0-9' ]+", " ", text.lower().replace("’", "'")).replace("'", "").split()
    spelt = [NUMBERS[int(word)] if word.isdigit() and int(word) < len(NUMBERS) else word for word in words]
    return " ".join(SPELLINGS.get(word, word) for word in spelt)


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Return wrong words per word said, over all pairs of (said, heard)."""
    said, heard = zip(*((plain_words(a), plain_words(b)) for a, b in pairs), strict=True)
    return float(jiwer.wer(list(said), list(heard)))
