from __future__ import annotations

import pytest

from agentvoice.cli.turn_editor import EditableTurn, decode_turns, encode_turns
from agentvoice.errors import UsageError

TURNS = (EditableTurn(1, "Caller", "Hi\n=== 2 x ===\n\\=== 3"), EditableTurn(2, "Ada", ""))


def test_what_is_not_changed_stays():
    """Also lines that look like the head of a turn; an empty turn stays left out."""
    assert decode_turns(encode_turns(TURNS), 2) == {1: TURNS[0].text, 2: ""}


def test_a_turn_without_its_head_is_left_out():
    """Deleting a turn's lines is leaving it out."""
    assert decode_turns("# hints\n=== 2 Ada ===\nHello\n", 2) == {1: "", 2: "Hello"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("=== 3 Ada ===", "line 1: got turn 3, want 1 to 2"),
        ("=== 1 ===\n=== 1 ===", "line 2: got turn 1 twice"),
    ],
)
def test_wrong_heads_are_named(text: str, words: str):
    """The line, the number, and what is wanted."""
    with pytest.raises(UsageError, match=words):
        decode_turns(text, 2)
