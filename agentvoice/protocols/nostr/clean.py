"""Text that every relay stores unchanged.

Relays write events anew and some refuse what JSON allows: U+007F (strfry), C0 controls; a lone
surrogate cannot be signed at all. So text is cleaned before it is signed, never after.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, replace

MAX_CONTENT_CHARS = 4_000
MAX_TAG_VALUE_BYTES = 1_023

_DROPPED = {code: None for code in [*range(0x20), 0x7F] if chr(code) not in "\n\t"}
_ZERO_WIDTH_JOINER = "\u200d"
_SENTENCE_ENDS = (". ", "! ", "? ", "… ")


def clean_text(text: str) -> str:
    """Return `text` without C0 controls (but \\n and \\t), DEL and lone surrogates, stripped.

    Line ends become \\n; a pair of surrogates becomes the character it stands for.
    """
    joined = text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="ignore")
    return joined.replace("\r\n", "\n").replace("\r", "\n").translate(_DROPPED).strip()


def clean_tag_value(text: str) -> str:
    """Return `text` as one clean line of at most MAX_TAG_VALUE_BYTES of UTF-8."""
    line = " ".join(clean_text(text).split())
    return line.encode()[:MAX_TAG_VALUE_BYTES].decode(errors="ignore").rstrip()


@dataclass(frozen=True, slots=True)
class TextLimit:
    """How much text fits into one event: characters, and bytes as they stand in its JSON."""

    chars: int = MAX_CONTENT_CHARS
    json_bytes: int | None = None

    def fits(self, text: str) -> bool:
        """Return whether one event may hold the whole text."""
        return len(text) <= self.chars and (self.json_bytes is None or json_size(text) <= self.json_bytes)

    def less(self, text: str) -> TextLimit:
        """Return what is left beside `text`, at least one character."""
        chars = max(1, self.chars - len(text))
        if self.json_bytes is None:
            return replace(self, chars=chars)
        return TextLimit(chars, self.json_bytes - json_size(text))


NOTE_LIMIT = TextLimit()
"""What a note of kind 1 holds where no relay says otherwise."""


def json_size(text: str) -> int:
    """Return the bytes that a text takes inside JSON's quotes."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - len('""')


def split_text(text: str, limit: TextLimit = NOTE_LIMIT) -> tuple[str, ...]:
    """Return `text` in pieces that fit, none empty; a piece is one character at least.

    Cuts where a paragraph, line, sentence or word ends, whichever comes first in that order within
    the last half of a piece; only a longer word is cut inside, and never between a letter and its
    combining marks.
    """
    pieces = []
    rest = text.strip()
    while rest and not limit.fits(rest):
        cut = _find_cut(rest, _chars_that_fit(rest, limit))
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return (*pieces, rest) if rest else tuple(pieces)


def _chars_that_fit(text: str, limit: TextLimit) -> int:
    head = text[: limit.chars]
    if limit.json_bytes is None:
        return len(head)
    left = limit.json_bytes
    for count, char in enumerate(head):
        left -= json_size(char)
        if left < 0:
            return max(1, count)
    return len(head)


def _find_cut(text: str, limit: int) -> int:
    for ends in (("\n\n",), ("\n",), _SENTENCE_ENDS, (" ", "\t")):
        cut = max(_last_end(text, end, limit) for end in ends)
        if cut > limit // 2:
            return cut
    cut = limit
    while cut > 1 and _joins_before(text, cut):
        cut -= 1
    return cut if cut > 1 else limit


def _last_end(text: str, end: str, limit: int) -> int:
    """Where the last `end` within the limit leaves off, its white space not counted; 0 if nowhere."""
    kept_chars = len(end.rstrip())
    found = text.rfind(end, 0, limit - kept_chars + len(end))
    return found + kept_chars if found >= 0 else 0


def _joins_before(text: str, index: int) -> bool:
    """Whether the character at `index` belongs to the one before it."""
    char = text[index]
    is_mark = unicodedata.category(char) in ("Mn", "Mc", "Me") or char == _ZERO_WIDTH_JOINER
    return is_mark or text[index - 1] == _ZERO_WIDTH_JOINER
