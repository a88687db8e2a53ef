from __future__ import annotations

from agentvoice.cli.review_view import describe_redactions, describe_review
from agentvoice.protocols.review_documents import ReviewDocument, ReviewTurnDocument


def test_a_copy_is_shown_with_its_marks():
    """Turns by number, what was changed or left out, and what keeps it from being signed."""
    turns = [
        ReviewTurnDocument(1, 4, "Caller", None, "Hi\nyou", True, ["phone"]),
        ReviewTurnDocument(2, 6, "Ada", "npub1" + "q" * 58, None, True, []),
    ]
    text = describe_review(
        ReviewDocument("Home", "thread", ["embedded"], 2, {"phone": 1}, turns, [], ["ada"], ["no CODE"])
    )
    assert "1  Caller (no key)  [edited, redacted phone]\n   Hi\n   you" in text
    assert "[edited]\n   (left out)" in text
    assert "no CODE" in text


def test_counts_are_listed_by_rule():
    """Patterns and secrets by the operator's own words."""
    assert describe_redactions({"phone": 2, "pattern:a": 1}) == "pattern:a 1, phone 2"
