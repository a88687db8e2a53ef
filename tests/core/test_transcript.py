from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.transcript import Mark, cut_text

TEXT = "Good morning. The weather is fine today."
MARKS = (Mark(0, 0), Mark(13, 1_000))  # "Good morning." is the first second, the rest 2 s


@pytest.mark.parametrize(
    ("heard_ms", "expected"),
    [
        (0, ""),
        (200, ""),
        (600, "Good"),
        (1_000, "Good morning."),
        (1_999, "Good morning. The weather"),
        (2_999, "Good morning. The weather is fine"),
        (3_000, TEXT),
        (9_000, TEXT),
    ],
)
def test_aligned_text_is_cut_inside_the_piece_being_spoken(heard_ms: int, expected: str):
    """Each piece of text has its own place in the sound; the cut is at a word's end."""
    assert cut_text(TEXT, heard_ms, 3_000, MARKS) == expected


def test_text_without_marks_runs_evenly():
    """Of an engine that does not align its text, half the sound is half the words."""
    assert cut_text("one two three four", 500, 1_000) == "one two"


def test_marks_that_begin_late_do_not_lose_the_beginning():
    """Text before the first mark is spoken from the start."""
    assert cut_text("one two three", 900, 1_000, (Mark(4, 500),)).startswith("one")


def test_no_sound_means_no_text():
    """An item without any sound heard nothing."""
    assert cut_text("words", 0, 0) == ""


@given(st.text(max_size=80), st.integers(0, 5_000), st.integers(0, 4_000))
def test_a_cut_is_a_beginning_of_the_text(text: str, heard_ms: int, received_ms: int):
    """Whatever is cut, it is how the text begins, and more heard is never less text."""
    cut = cut_text(text, heard_ms, received_ms)
    assert text.startswith(cut)
    assert len(cut) <= len(cut_text(text, heard_ms + 500, received_ms))
