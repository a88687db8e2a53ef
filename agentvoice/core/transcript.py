"""Cutting a transcript where the caller stopped hearing it (guarantee 4).

Two ways to know which words were heard. An aligned engine sends each piece of text just before
the sound that speaks it, so every piece has its place in the sound. Of any other engine we know
only the whole: the text is taken to run evenly over the sound received. Both cut at a word's end,
rounding down: better a word too few than one that was never heard.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of text begins at `char` and its sound at `audio_ms` of the item."""

    char: int
    audio_ms: int


def cut_text(text: str, heard_ms: int, received_ms: int, marks: tuple[Mark, ...] = ()) -> str:
    """Return the part of `text` that was heard, ending with a whole word.

    `marks` are the pieces of an aligned transcript in order; empty: the text runs evenly.
    """
    if heard_ms <= 0:
        return ""
    if heard_ms >= received_ms:
        return text
    # The last piece ends with the sound received, so the moment is inside one of them.
    spans = _spans(text, received_ms, marks)
    start, end, from_ms, to_ms = next(span for span in spans if heard_ms < span[3])
    share = max(0, heard_ms - from_ms) / (to_ms - from_ms)
    return _whole_words(text, start + int((end - start) * share))


def _spans(text: str, received_ms: int, marks: tuple[Mark, ...]) -> list[tuple[int, int, int, int]]:
    """Return (first char, end char, first ms, end ms) of each piece of text."""
    starts = marks if marks and marks[0].char == 0 else (Mark(0, 0), *marks)
    ends = (*starts[1:], Mark(len(text), received_ms))
    return [
        (here.char, there.char, here.audio_ms, max(there.audio_ms, here.audio_ms + 1))
        for here, there in zip(starts, ends, strict=True)
    ]


def _whole_words(text: str, length: int) -> str:
    """Return `text[:length]` without the word that is cut in two."""
    if length >= len(text) or text[length].isspace():
        return text[:length].rstrip()
    kept = text[:length].rsplit(None, 1)
    begins_word = length > 0 and text[length - 1].isspace()
    if begins_word:
        return text[:length].rstrip()
    return kept[0].rstrip() if len(kept) > 1 else ""
