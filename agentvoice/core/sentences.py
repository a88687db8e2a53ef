"""Cutting streamed text into sentences while it is being written, so that the first can be spoken.

A cut is decided at the earliest character that proves it, so the pieces do not depend on how the
text was chunked, and the pieces joined are the text. The first clause of a reply may go out
before its sentence is complete: it is what the caller waits for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FIRST_CLAUSE_MIN_CHARS = 24
"""Shorter clauses ("Well,") sound chopped when spoken alone, and win no time."""
MAX_PIECE_CHARS = 220
"""Longer text without an end is cut at a clause or a word: the caller should not wait for it."""
MIN_FORCED_CHARS = 80
"""A forced cut looks for a clause mark no nearer to the beginning than this."""

TERMINATORS = ".!?…"
CLOSERS = "\"')]}”’»*_"
CLAUSE_MARKS = ",;:–—"

# Words whose full stop does not end a sentence.
TITLES = frozenset("mr mrs ms dr prof st sr jr rev gen col sgt capt lt mt vs eg ie cf approx".split())
TITLES |= {"e.g", "i.e"}
NUMBERED = frozenset({"no", "nos", "fig", "vol", "ch", "pp"})  # "No. 5", but "The answer is no. Yes?"

_LAST_WORD = re.compile(r"[\w.'’-]*$")
_LIST_NUMBER = re.compile(r"\s*\d{1,3}$")


@dataclass(frozen=True, slots=True)
class Piece:
    """Text to speak in one go. `ends_sentence`: false for a clause that was sent ahead."""

    text: str
    ends_sentence: bool


class SentenceCutter:
    """Cuts one reply; `push` what comes, `flush` at the end."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0  # next character to be judged
        self._is_first = True

    def push(self, text: str) -> tuple[Piece, ...]:
        """Take more text; return the pieces that are certain now."""
        self._text += text
        return self._pieces(is_over=False)

    def flush(self) -> tuple[Piece, ...]:
        """The text is over; return what is left."""
        pieces = self._pieces(is_over=True)
        rest, self._text, self._at = self._text, "", 0
        return (*pieces, Piece(rest, ends_sentence=True)) if rest else pieces

    def _pieces(self, *, is_over: bool) -> tuple[Piece, ...]:
        pieces: list[Piece] = []
        while (piece := self._next_piece(is_over=is_over)) is not None:
            pieces.append(piece)
        return tuple(pieces)

    def _next_piece(self, *, is_over: bool) -> Piece | None:
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "\n" and self._text[: self._at].strip():
                return self._cut(self._at + 1, ends_sentence=True)
            if char in TERMINATORS:
                end = self._sentence_end(is_over=is_over)
                if end is None:
                    return None
                if end:
                    return self._cut(end, ends_sentence=True)
            elif char in CLAUSE_MARKS and self._is_first and self._at + 1 >= FIRST_CLAUSE_MIN_CHARS:
                if self._at + 1 == len(self._text) and not is_over:
                    return None
                if self._text[self._at + 1 : self._at + 2].isspace():
                    return self._cut(self._at + 2, ends_sentence=False)
            if self._at + 1 >= MAX_PIECE_CHARS:
                return self._cut(self._forced_end(), ends_sentence=False)
            self._at += 1
        return None

    def _cut(self, end: int, *, ends_sentence: bool) -> Piece:
        piece = Piece(self._text[:end], ends_sentence)
        self._text, self._at = self._text[end:], 0
        self._is_first = False
        return piece

    def _sentence_end(self, *, is_over: bool) -> int | None:
        """Return where the sentence ends whose mark stands here, 0 if it goes on, None if unknown."""
        after = self._at + 1
        while after < len(self._text) and self._text[after] in TERMINATORS + CLOSERS:
            after += 1
        begin = after
        while begin < len(self._text) and self._text[begin].isspace() and self._text[begin] != "\n":
            begin += 1
        if begin == len(self._text) and not is_over:
            return None
        if begin == after and begin < len(self._text) and self._text[begin] != "\n":
            return 0  # 3.14, example.org: no space follows
        if begin < len(self._text) and self._goes_on(self._text[self._at : after], self._text[begin]):
            return 0
        return begin

    def _goes_on(self, mark: str, following: str) -> bool:
        if mark.rstrip(CLOSERS) == ".":
            before = self._text[: self._at]
            match = _LAST_WORD.search(before)
            word = match.group().lower() if match else ""
            is_initial = len(word) == 1 and word.isalpha() and word != "i"
            if word in TITLES or is_initial or _LIST_NUMBER.fullmatch(before):
                return True
            return following.islower() or (word in NUMBERED and following.isdigit())
        # An ellipsis or a quotation in the middle of a sentence: 'Well... maybe', '"Why?" he said'.
        return following.islower() and (mark[0] in ".…" or mark[-1] in CLOSERS)

    def _forced_end(self) -> int:
        text = self._text[: self._at + 1]
        clause = max(text.rfind(mark + " ") for mark in CLAUSE_MARKS)
        if clause >= MIN_FORCED_CHARS:
            return clause + 2
        space = text.rfind(" ")
        return space + 1 if space > 0 else len(text)
