"""E-mail addresses and known secrets in what people say and type: where they stand in a text."""

from __future__ import annotations

import re

from agentvoice.core.private_numbers import DIGIT_WORDS, INVISIBLE, Span

LONG_SECRET_CHARS = 8
"""A secret this long is found anywhere; a shorter one as words of its own, or it would eat others."""

_WRITTEN = re.compile(
    rf"[\w.%+'{INVISIBLE}-]{{1,128}}@[\w{INVISIBLE}-]{{1,63}}(?:\.[\w{INVISIBLE}-]{{1,63}}){{1,8}}"
)
_SPOKEN = re.compile(
    r"(?P<local>(?<!\w)(?:(?:[a-z0-9]\s){1,30}[a-z0-9]|[\w'-]{1,64})"
    r"(?P<parts>(?:(?:\.|\s(?:dot|underscore|dash|hyphen|minus|plus)\s)[\w-]{1,64}){0,6}))"
    r"\s(?:at|@|\(at\)|\[at\])\s"
    r"(?P<domain>[\w-]{1,63}(?:(?:\.|\s(?:dot|dash|hyphen)\s)[\w-]{1,63}){0,4}?)"
    r"(?P<dot>\.|\sdot\s)"
    r"(?:com|net|org|edu|gov|io|ai|app|dev|info|biz|eu|co|uk|us|me|tv|ca|au|nz|de|fr|es|nl|ch|se|dk|fi|pl|pt|br|jp)\b",
    re.IGNORECASE,
)
_PROVIDERS = re.compile(
    r"(?:gmail|googlemail|hotmail|outlook|yahoo|proton|protonmail|icloud|gmx|web|aol|fastmail|mailbox)\b",
    re.IGNORECASE,
)
_NO_NAME = frozenset(
    "am are arrive at available be been being check find found get go have he here him i is it live look"
    " looked looking meet me more now or out read register see she sign start stay that them there they this"
    " up us visit was we were work working works you".split()
)
"""Words before "at" that name no mailbox: "look at example dot com"."""
_NO_DOMAIN = frozenset("a an each every her his its my no our that the their these this those your".split())
_SIGN_WORDS = frozenset(("dash", "hyphen", "minus", "underscore", "dot", "point", "slash", "colon", "plus"))
_WORD = re.compile(r"[^\W_]+")


def find_emails(text: str) -> list[Span]:
    """Return where e-mail addresses are, written or spoken ("ada at example dot com")."""
    spans = [match.span() for match in _WRITTEN.finditer(text)]
    return spans + [match.span() for match in _SPOKEN.finditer(text) if _is_spoken_address(match)]


def _is_spoken_address(match: re.Match[str]) -> bool:
    local, domain = match["local"].lower(), match["domain"].lower()
    if domain.split()[0] in _NO_DOMAIN:
        return False
    if match["parts"] or any(char.isdigit() for char in local):
        return True
    # `look at example.com` names a page; with the dot spoken, or at a mail house, it is an address.
    return local not in _NO_NAME and (match["dot"] != "." or bool(_PROVIDERS.match(domain)))


def find_secret(text: str, secret: str) -> list[Span]:
    """Return where a secret is, also spelled, with blanks, hyphens or their names between its letters.

    Upper and lower case are the same: nobody hears the difference.
    """
    plain = "".join(char for char in secret.casefold() if char.isalnum())
    if not plain:
        return [match.span() for match in re.finditer(re.escape(secret), text)]
    spans = []
    for is_spoken in (False, True):
        chars, places = _letters(text, is_spoken=is_spoken)
        at = chars.find(plain)
        while at >= 0:
            start, end = places[at][0], places[at + len(plain) - 1][1]
            if len(plain) >= LONG_SECRET_CHARS or _stands_alone(text, start, end):
                spans.append((start, end))
            at = chars.find(plain, at + 1)
    return spans


def _letters(text: str, *, is_spoken: bool) -> tuple[str, list[Span]]:
    """Return the letters and digits of a text, and where each comes from.

    `is_spoken`: the names of signs are left out, and a digit's word is the digit.
    """
    chars: list[str] = []
    places: list[Span] = []
    for match in _WORD.finditer(text):
        word = match.group().casefold()
        if is_spoken and word in _SIGN_WORDS:
            continue
        if is_spoken and word in DIGIT_WORDS and len(word) > 1:
            chars.append(DIGIT_WORDS[word])
            places.append(match.span())
            continue
        for place, char in enumerate(match.group(), match.start()):
            folded = char.casefold()
            chars += folded
            places += [(place, place + 1)] * len(folded)
    return "".join(chars), places


def _stands_alone(text: str, start: int, end: int) -> bool:
    is_inside = text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()
    return not is_inside and not any(char in ".,;!?" for char in text[start:end])
