from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.protocols.nostr.clean import (
    MAX_TAG_VALUE_BYTES,
    TextLimit,
    clean_tag_value,
    clean_text,
    split_text,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates and controls too


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\x00b\x07c\x1bd", "abcd"),
        ("a\x7fb", "ab"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\ud800b", "ab"),
        ("\ud83d\ude00", "😀"),
        ("\udc00\ud800", ""),
        ("  padded \n", "padded"),
        ("ä😀\u0301", "ä😀\u0301"),
    ],
)
def test_cleaning(text: str, clean: str):
    """Controls, DEL and lone surrogates go; tabs, line ends and all real characters stay."""
    assert clean_text(text) == clean


@given(ANY_TEXT)
def test_clean_text_is_what_every_relay_stores(text: str):
    """Any text becomes encodable, free of controls, and cleaning again changes nothing."""
    clean = clean_text(text)
    clean.encode()
    assert not any((ord(char) < 0x20 and char not in "\n\t") or char == "\x7f" for char in clean)
    assert clean_text(clean) == clean


@given(ANY_TEXT)
def test_tag_values_are_one_short_line(text: str):
    """A tag value never exceeds its bytes and holds no line end."""
    value = clean_tag_value(text * 50)
    assert len(value.encode()) <= MAX_TAG_VALUE_BYTES
    assert "\n" not in value


@given(st.text(max_size=400), st.integers(2, 60))
def test_pieces_fit_and_lose_nothing(text: str, limit: int):
    """Pieces are within the limit, never empty, and together hold every visible character in order."""
    pieces = split_text(text, TextLimit(limit))
    assert all(0 < len(piece) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("", 10, ()),
        ("short", 10, ("short",)),
        ("0123456789", 10, ("0123456789",)),
        ("one two three", 8, ("one two", "three")),
        ("One. Two three.", 10, ("One. Two", "three.")),
        ("A b c. D e f g", 10, ("A b c.", "D e f g")),
        ("line one\nline two", 12, ("line one", "line two")),
        ("para one\n\nx\npara", 13, ("para one", "x\npara")),
        ("abcdefghijkl", 5, ("abcde", "fghij", "kl")),
        ("aaaae\u0301bbbb", 5, ("aaaa", "e\u0301bbb", "b")),
        ("aaa👩\u200d👧bb", 5, ("aaa", "👩\u200d👧bb")),
        ("e" + "\u0301" * 9, 5, ("e" + "\u0301" * 4, "\u0301" * 5)),
    ],
)
def test_cuts_are_where_a_reader_expects_them(text: str, limit: int, pieces: tuple[str, ...]):
    """Paragraph before line before sentence before word before anything else."""
    assert split_text(text, TextLimit(limit)) == pieces


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("äää äää", TextLimit(100, 7), ("äää", "äää")),
        ('a"b c', TextLimit(100, 4), ('a"b', "c")),
        ("😀😀😀", TextLimit(2, 100), ("😀😀", "😀")),
        ("😀😀", TextLimit(100, 3), ("😀", "😀")),
        ("abc", TextLimit(100, -5), ("a", "b", "c")),
        ("one two", TextLimit(100, 100), ("one two",)),
        ("öne two", TextLimit(4, 4), ("öne", "two")),
    ],
)
def test_bytes_count_where_a_relay_counts_them(text: str, limit: TextLimit, pieces: tuple[str, ...]):
    """As they stand in JSON, with its escapes; a piece is one character at least."""
    assert split_text(text, limit) == pieces


def test_what_a_prefix_leaves():
    """Characters and bytes less than before, and one character at least."""
    assert TextLimit(10, 20).less("ä: ") == TextLimit(7, 16)
    assert TextLimit(2).less("long name: ") == TextLimit(1)
