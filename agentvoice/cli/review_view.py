"""How commands show what would be published of a call."""

from __future__ import annotations

from collections.abc import Mapping

from agentvoice.cli.output import fields, one_line, paragraph
from agentvoice.core.redaction import PATTERN, SECRET
from agentvoice.protocols.review_documents import ReviewDocument, ReviewTurnDocument

LEFT_OUT = "(left out)"


def describe_review(document: ReviewDocument) -> str:
    """Return a published copy for people to read: where it goes, its marks, its head, its turns."""
    head = {
        "goes to": document.relays,
        "title": document.title,
        "edited": f"{document.edited} turns" if document.edited else "",
        "redacted": describe_redactions(document.redactions),
    }
    if document.missing_keys:
        head["no key for"] = document.missing_keys
    if document.unread_secrets:
        head["not redacted"] = document.unread_secrets
    parts = [fields(head)]
    if document.events:
        parts.append(f"Begins: {one_line(document.events[0].content)}")
    parts += [_turn(turn) for turn in document.turns]
    return "\n\n".join(parts)


def describe_redactions(counts: Mapping[str, int]) -> str:
    """Return counts as `phone 2, card 1`."""
    return ", ".join(f"{_rule(rule)} {count}" for rule, count in sorted(counts.items()))


def _rule(rule: str) -> str:
    kind, _, rest = rule.partition(":")
    return f"{kind}:{one_line(rest, limit=40)}" if kind in (PATTERN, SECRET) else kind


def _turn(turn: ReviewTurnDocument) -> str:
    marks = [*(["edited"] if turn.edited else []), *(f"redacted {kind}" for kind in turn.redacted)]
    signer = f"{turn.signer[:16]}…" if turn.signer else "no key"
    shown = f"{turn.number}  {one_line(turn.speaker)} ({signer})" + (
        f"  [{', '.join(marks)}]" if marks else ""
    )
    text = LEFT_OUT if turn.text is None else paragraph(turn.text)
    return "\n".join([shown, *(f"   {line}" for line in text.splitlines())])
