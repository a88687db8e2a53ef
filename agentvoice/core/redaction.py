"""Redaction: what is taken out of the published copy before it is signed.

Rules: `phone`, `email`, `card`, `pattern:REGEX` (RE2 syntax), `secret:NAME`. Every rule reads the
whole text, so none hides a match from another; where matches overlap, all of them go. What was put
in for them is never redacted again, and a text is gone over until nothing more is found: to redact
twice is to redact once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentvoice.core.private_numbers import Span, find_cards, find_phones
from agentvoice.core.private_words import find_emails, find_secret
from agentvoice.errors import UsageError

PATTERN, SECRET = "pattern", "secret"
RULES_WANTED = "phone, email, card, pattern:REGEX or secret:NAME"
MAX_RULES = 64
MAX_RULE_CHARS = 1_000
MAX_PASSES = 16
"""Times that a text is gone over; two are the rule."""

_MARKERS = {
    "phone": "[phone number removed]",
    "email": "[e-mail address removed]",
    "card": "[card number removed]",
    SECRET: "[secret removed]",
    PATTERN: "[removed]",
}
_FINDERS: dict[str, Callable[[str], list[Span]]] = {
    "card": find_cards,
    "email": find_emails,
    "phone": find_phones,
}

Find = Callable[[str], Iterable[Span]]


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text after redaction, and how often each rule took something out."""

    text: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Redactor:
    """Redacts by rules; made by `build_redactor`. It does not show the secrets that it knows."""

    finders: tuple[tuple[str, Find], ...] = field(repr=False)

    def redact(self, text: str) -> Redacted:
        """Return the text with every match replaced by words that say what was there."""
        counts: Counter[str] = Counter()
        for _ in range(MAX_PASSES):
            found = self._redact_once(text)
            if not found.counts:
                return Redacted(text, counts)
            counts.update(found.counts)
            text = found.text
        # An expression that nibbles: all of the text goes, and no call waits for it.
        return Redacted(_MARKERS[PATTERN], counts)

    def _redact_once(self, text: str) -> Redacted:
        kept = sorted(span for marker in _MARKERS.values() for span in _find_all(text, marker))
        # Our own words are no cue: "phone" in them would make a number of whatever follows.
        hidden = _replace(text, [(span, "!" * (span[1] - span[0])) for span in kept])
        found: list[Span] = []  # in order, no two of them overlap
        rules: dict[Span, int] = {}  # the first whose match is in it, by its place
        counts: Counter[str] = Counter()
        for place, (rule, find) in enumerate(self.finders):
            for span in _joined(find(hidden)):
                met, cut = _overlapping(found, span), _overlapping(kept, span)
                touched = [*found[met], *kept[cut]]
                if any(start <= span[0] and span[1] <= end for start, end in touched):
                    continue
                joint = min([span, *touched])[0], max(end for _, end in [span, *touched])
                rules[joint] = min([place, *(rules.pop(each) for each in found[met])])
                found[met] = [joint]
                counts[rule] += 1
        markers = [(span, _MARKERS[kind_of(self.finders[rules[span]][0])]) for span in found]
        return Redacted(_replace(text, markers), counts)


def kind_of(rule: str) -> str:
    """Return what a rule is, without the operator's words: what may be shown to everybody."""
    return rule.partition(":")[0]


def build_redactor(rules: Sequence[str], secrets: Mapping[str, str]) -> Redactor:
    """Return what applies these rules and takes out these secrets, which are given by name.

    The rules have passed check_rules; every `secret:NAME` of them has its value in `secrets`.
    """
    finders: list[tuple[str, Find]] = [
        (f"{SECRET}:{name}", _secret_finder(value)) for name, value in secrets.items() if value
    ]
    finders += [(kind, find) for kind, find in _FINDERS.items() if kind in rules]
    finders += [(rule, _pattern_finder(rule.partition(":")[2])) for rule in rules if kind_of(rule) == PATTERN]
    return Redactor(tuple(finders))


def secrets_named(rules: Sequence[str]) -> tuple[str, ...]:
    """Return the names in `secret:NAME` rules."""
    return tuple(rule.partition(":")[2] for rule in rules if kind_of(rule) == SECRET)


def check_rules(rules: Sequence[str]) -> None:
    """Raise UsageError naming the first rule that cannot be applied."""
    if len(rules) > MAX_RULES:
        raise UsageError(f"redact: got {len(rules)} rules, want {MAX_RULES} at most")
    for place, rule in enumerate(rules):
        kind, colon, rest = rule.partition(":")
        is_known = (kind in _FINDERS and not colon) or (kind in (PATTERN, SECRET) and colon)
        if not is_known:
            raise UsageError(f"redact: got {rule[:80]!r}, want {RULES_WANTED}")
        if len(rule) > MAX_RULE_CHARS:
            raise UsageError(f"redact: got a rule of {len(rule)} characters, want {MAX_RULE_CHARS} at most")
        if rule in rules[:place]:
            raise UsageError(f"redact: got {rule[:80]!r} twice, want each once")
        if kind == PATTERN:
            _check_pattern(rest)
        if kind == SECRET and (rest != rest.strip() or not rest or not rest.isprintable()):
            raise UsageError(f"redact: got {rule[:80]!r}, want secret:NAME, such as secret:DOOR_CODE")


def _check_pattern(pattern: str) -> None:
    import re2

    try:
        compiled = _compile(pattern)
    except re2.error as error:
        words = error.args[0].decode(errors="replace") if error.args else "not readable"
        what, _, part = words.partition(": ")
        place = pattern.find(part) + 1 if part else 1
        raise UsageError(
            f"redact: got {f'pattern:{pattern}'[:80]!r}, want a regular expression (RE2):"
            f" {what} at character {place}"
        ) from None
    if compiled.search("") is not None:
        raise UsageError(
            f"redact: got {f'pattern:{pattern}'[:80]!r}, want a regular expression that does not match nothing"
        )


def _compile(pattern: str) -> Any:
    """Compile an expression of the operator.

    By RE2, whose time is linear in the text: no expression can hold up the signing of a thread. Our
    own `re` cannot be interrupted. It is imported here since few projects have a pattern.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options=options)


def _pattern_finder(pattern: str) -> Find:
    compiled = _compile(pattern)
    return lambda text: [match.span() for match in compiled.finditer(text)]


def _secret_finder(secret: str) -> Find:
    return lambda text: find_secret(text, secret)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, overlapping ones as one, empty ones left out."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif start < end:
            joined.append((start, end))
    return joined


def _overlapping(spans: Sequence[Span], span: Span) -> slice:
    """Return where those of `spans` are that overlap `span`; they are in order, and none overlap."""
    first = bisect_right(spans, span[0], key=lambda each: each[1])
    return slice(first, bisect_left(spans, span[1], first, key=lambda each: each[0]))


def _replace(text: str, replacements: Iterable[tuple[Span, str]]) -> str:
    """Return the text with other words in place of spans, which are in order and do not overlap."""
    parts, at = [], 0
    for (start, end), words in replacements:
        parts += [text[at:start], words]
        at = end
    return "".join([*parts, text[at:]])


def _find_all(text: str, part: str) -> list[Span]:
    spans = []
    at = text.find(part)
    while at >= 0:
        spans.append((at, at + len(part)))
        at = text.find(part, at + len(part))
    return spans
