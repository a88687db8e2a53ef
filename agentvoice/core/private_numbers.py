"""Card and telephone numbers in what people say and type: where they stand in a text.

Transcripts write digits in groups ("555 0123"), as words ("five five five"), or mixed. A number is
looked for among groups that only blanks and small signs part, and from group to group, so that no
part of a longer number is taken for one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Span = tuple[int, int]

MIN_CARD_DIGITS, MAX_CARD_DIGITS = 13, 19  # ISO/IEC 7812
MIN_PHONE_DIGITS, MAX_PHONE_DIGITS = 7, 15  # E.164, without the shortest of local numbers
MIN_ABROAD_DIGITS = 9
"""After `00`: what is shorter is an id with zeros before it."""
MIN_TRUNK_DIGITS, MAX_TRUNK_DIGITS = 9, 12
"""Of a number at home that begins with a single 0."""
MIN_SPOKEN = 4
"""Digits that are words, among digits: fewer are the words of a sentence."""
MAX_PHONE_GROUPS = 2 + MAX_PHONE_DIGITS + 1
"""Groups that are looked at from where a number begins: `00`, each digit for itself, and one that is too much."""
CUE_CHARS = 60
"""How far before a number the word stands that makes it a telephone's."""
ANOTHER_CHARS = 24
"""How far behind a telephone number the next may stand: "or", "at night"."""

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DIGIT_WORDS = {word: str(digit) for digit, word in enumerate(_WORDS)} | {"oh": "0", "o": "0"}
_TIMES = {"double": 2, "triple": 3}
_GROUP = re.compile(
    rf"(?P<digits>\d+)|\b(?:(?P<times>double|triple)[ -])?(?P<word>{'|'.join(DIGIT_WORDS)})\b",
    re.IGNORECASE,
)
INVISIBLE = r"\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff"
"""Characters that are not seen (soft hyphens, joiners, directions), as in a class: copied text is full of them."""
_CARD_GAP = re.compile(rf"[\s,./\u2010-\u2015\u2212{INVISIBLE}-]{{1,3}}")
_PHONE_GAP = re.compile(rf"[\s./()\u2010-\u2015\u2212{INVISIBLE}-]{{1,3}}")
_CALLED = re.compile(
    r"\b(?:call|phone|telephone|mobile|cell|tel|fax|whatsapp|landline|dial|ring|text (?:me|us)|reach (?:me|us)"
    r"|(?:my|our|his|her|their|your) (?:\w+ )?number)\b[^.!?\n\d]{0,40}$",
    re.IGNORECASE,
)
_NO_PHONE = re.compile(r"\b(?:order|reference|ticket|account|invoice|case|id|year|code|zip)\b", re.IGNORECASE)
_ANOTHER = re.compile(rf"(?=\s?[,;]|\s*[^\W\d])[^.!?\n\d]{{0,{ANOTHER_CHARS}}}")
_PLUS = re.compile(r"(?:\+\s?|\bplus\s)\(?$", re.IGNORECASE)
_OTHER = re.compile(
    r"\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b"  # a day
    r"|\b\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d\b(?![-/.]\d)"
    r"|\b\d{1,2}:\d\d(?::\d\d)?\b"  # a time
    r"|[$€£¥]\s?\d+(?:[.,]\d+)*"  # money
    # {0,8}, not *: a long list ("1,2,3,4 ...") is read again from each of its numbers.
    r"|\b\d+(?:[.,]\d+){0,8}\s?(?:[€£¥%]|(?:dollars|euros?|pounds|cents|percent|USD|EUR)\b)"
)
_LOCAL_GAPS = ("-", ".")
_COUNTING = "01234567890123456789"
"""People count up, or down, and dictate no number."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Digits that stand together, or a digit's word."""

    start: int
    end: int
    digits: str
    is_spoken: bool


def find_cards(text: str) -> list[Span]:
    """Return where card numbers are: 13 to 19 digits, of whole groups, whose Luhn sum holds.

    Where one can be read in several ways, every digit of each reading is covered.
    """
    spans = []
    for run in _runs(text, _groups(text), is_card=True):
        for first in range(len(run)):
            digits = ""
            for group in run[first : first + MAX_CARD_DIGITS]:
                digits += group.digits
                if len(digits) > MAX_CARD_DIGITS:
                    break
                if len(digits) >= MIN_CARD_DIGITS and holds_luhn(digits):
                    spans.append((run[first].start, group.end))
    return spans


def holds_luhn(digits: str) -> bool:
    """Return whether the last digit checks the others (ISO/IEC 7812, annex B)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        digit = int(char) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def find_phones(text: str) -> list[Span]:
    """Return where telephone numbers are: international, with a trunk 0, in North America's groups,
    spoken digit by digit, or in any form after a word such as "call", or right after another.

    Years, days, times, money, short numbers and plain ids are left alone.
    """
    others = [match.span() for match in _OTHER.finditer(text)]
    groups = [group for group in _groups(text) if not _is_among(group, others)]
    spans: list[Span] = []
    for run in _runs(text, groups, is_card=False):
        _add_phones(text, run, spans)
    return spans


def _is_among(group: _Group, spans: Sequence[Span]) -> bool:
    """Whether a group overlaps one of the spans, which are in order and do not overlap."""
    after = bisect_right(spans, group.start, key=lambda span: span[1])  # the first that ends behind its start
    return after < len(spans) and spans[after][0] < group.end


def _add_phones(text: str, run: Sequence[_Group], spans: list[Span]) -> None:
    """Add the numbers of a run. What is left of it is counted, not read anew: runs may be long."""
    spoken = sum(group.is_spoken for group in run)
    digits = sum(len(group.digits) for group in run)
    first = 0
    while first < len(run):
        count = len(run) - first
        if not _is_spoken_number(run, first, spoken, digits):
            last_end = spans[-1][1] if spans else None
            count = _phone_groups(text, run[first : first + MAX_PHONE_GROUPS], last_end)
        if count:
            spans.append((_with_sign(text, run[first].start), run[first + count - 1].end))
        for group in run[first : first + (count or 1)]:
            spoken -= group.is_spoken
            digits -= len(group.digits)
        first += count or 1


def _groups(text: str) -> list[_Group]:
    found = []
    for match in _GROUP.finditer(text):
        digits = match["digits"]
        if digits is None:
            digits = DIGIT_WORDS[match["word"].lower()] * _TIMES.get((match["times"] or "").lower(), 1)
        found.append(_Group(match.start(), match.end(), digits, match["digits"] is None))
    return found


def _runs(text: str, groups: Sequence[_Group], *, is_card: bool) -> Iterator[list[_Group]]:
    """Yield groups that belong together: only blanks and small signs are between them."""
    run: list[_Group] = []
    for group in groups:
        if run:
            # Speech is written with commas; between written digits they part thousands.
            is_wide = is_card or group.is_spoken or run[-1].is_spoken
            gap = (_CARD_GAP if is_wide else _PHONE_GAP).fullmatch(text, run[-1].end, group.start)
            if gap is None:
                yield run
                run = []
        run.append(group)
    if run:
        yield run


def _phone_groups(text: str, run: Sequence[_Group], last_end: int | None) -> int:
    """Return how many groups from the first on are a telephone number; 0: none begins here.

    `last_end` is where the number before it ends.
    """
    before = text[max(0, run[0].start - CUE_CHARS) : run[0].start]
    if _PLUS.search(before):
        return _longest(run, MIN_PHONE_DIGITS, MAX_PHONE_DIGITS)
    start = run[0].digits[:3]
    if start[:2] == "00" and start[2:] not in ("", "0"):
        return _longest(run, 2 + MIN_ABROAD_DIGITS, 2 + MAX_PHONE_DIGITS)
    shape = [len(group.digits) for group in run[:4]]
    if shape[:3] == [3, 3, 4]:
        return 3
    if shape == [1, 3, 3, 4] and run[0].digits == "1":
        return 4
    if shape[:2] == [3, 4] and text[run[0].end : run[1].start] in _LOCAL_GAPS and start[0] in "23456789":
        return 2
    if start[0] == "0" and start[1:2] not in ("", "0"):
        return _longest(run, MIN_TRUNK_DIGITS, MAX_TRUNK_DIGITS)
    cue = _CALLED.search(before)
    if cue is None and last_end is not None:
        cue = _ANOTHER.fullmatch(text, last_end, run[0].start)
    if cue and not _NO_PHONE.search(cue.group()):
        return _longest(run, MIN_PHONE_DIGITS, MAX_PHONE_DIGITS)
    return 0


def _is_spoken_number(run: Sequence[_Group], first: int, spoken: int, digits: int) -> bool:
    """Whether the rest of a run, from `first` on, is a number spoken digit by digit for the most part.

    `spoken` of its groups are words, and it has so many `digits`.
    """
    if spoken < MIN_SPOKEN or digits < MIN_PHONE_DIGITS:
        return False
    # Written and short it is a year or an area code, else a number of its own.
    if not run[first].is_spoken and len(run[first].digits) > 4:
        return False
    if digits > len(_COUNTING):
        return True
    read = "".join(group.digits for group in run[first:])
    return read not in _COUNTING and read not in _COUNTING[::-1]


def _longest(run: Sequence[_Group], least: int, most: int) -> int:
    """Return how many groups make the longest number of `least` to `most` digits; 0: they do not."""
    total, count = 0, 0
    for place, group in enumerate(run, 1):
        total += len(group.digits)
        if total > most:
            break
        if total >= least:
            count = place
    return count


def _with_sign(text: str, start: int) -> int:
    """Return where the number's own plus or bracket begins."""
    before = text[max(0, start - CUE_CHARS) : start]
    plus = _PLUS.search(before)
    if plus:
        return start - len(plus.group())
    return start - 1 if before.endswith("(") else start
