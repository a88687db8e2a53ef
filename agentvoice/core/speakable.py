"""What of a written reply can be spoken: markdown, emoji and control characters are taken out."""

from __future__ import annotations

import re
import unicodedata

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_CODE_FENCE = re.compile(r"```\w*")
_LINE_MARK = re.compile(r"^[ \t]*(?:#{1,6}|[-*+•]|>)[ \t]+", re.MULTILINE)
_EMPHASIS = re.compile(r"\*+|`+|~~|(?<!\w)_+|_+(?!\w)")
_SPACE = re.compile(r"\s+")

# So: symbols like emoji and dingbats; Sk with the skin tones; Cf joiners; the rest is not text.
_SILENT_CATEGORIES = frozenset({"So", "Sk", "Cc", "Cf", "Cs", "Co", "Cn"})
_VARIATION_SELECTORS = frozenset(chr(code) for code in range(0xFE00, 0xFE10))
_SPOKEN_SYMBOLS = frozenset("°©®™")


def speakable(text: str) -> str:
    """Return `text` as it is to be spoken, with single spaces; "" if nothing of it can be."""
    plain = _LINK.sub(r"\1", _CODE_FENCE.sub(" ", text))
    plain = _EMPHASIS.sub("", _LINE_MARK.sub("", plain))
    plain = "".join(char if _is_spoken(char) else " " for char in plain)
    plain = _SPACE.sub(" ", plain).strip()
    return plain if any(char.isalnum() for char in plain) else ""


def _is_spoken(char: str) -> bool:
    if char in _SPOKEN_SYMBOLS or char.isspace():
        return True
    return char not in _VARIATION_SELECTORS and unicodedata.category(char) not in _SILENT_CATEGORIES
