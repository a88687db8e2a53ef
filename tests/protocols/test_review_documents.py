from __future__ import annotations

import msgspec

from agentvoice.protocols.review_documents import ReviewTurnDocument


def test_a_turn_left_out_has_no_text():
    """Null, so that nobody takes it for an empty turn."""
    turn = ReviewTurnDocument(1, 4, "Ada", None, None, True, [])
    assert msgspec.to_builtins(turn)["text"] is None
