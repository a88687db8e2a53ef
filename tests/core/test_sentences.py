"""Sentences of streamed text: nothing is lost, and each is cut as soon as it is certain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.sentences import MAX_PIECE_CHARS, Piece, SentenceCutter

ALPHABET = "abcDE .,;!?…\"')12\n–:ü"


def cut(*chunks: str) -> list[Piece]:
    cutter = SentenceCutter()
    return [*(piece for chunk in chunks for piece in cutter.push(chunk)), *cutter.flush()]


def texts(*chunks: str) -> list[str]:
    return [piece.text.strip() for piece in cut(*chunks)]


@given(st.lists(st.text(alphabet=ALPHABET, max_size=40), max_size=40))
def test_joined_pieces_are_the_text_however_it_was_chunked(chunks: list[str]):
    """No character is lost, added or moved; pieces are bounded; chunk borders do not matter."""
    text = "".join(chunks)
    pieces = cut(*chunks)
    assert "".join(piece.text for piece in pieces) == text
    assert pieces == cut(*text)
    # A piece may be longer than the bound by the white space that follows its end.
    assert all(len(piece.text.strip()) <= MAX_PIECE_CHARS + 40 for piece in pieces[:-1])


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It is late. Go home.", ["It is late.", "Go home."]),
        ("Really?! Yes! Good.", ["Really?!", "Yes!", "Good."]),
        ("Dr. Smith met Mr. Jones. They left.", ["Dr. Smith met Mr. Jones.", "They left."]),
        ("Pi is 3.14 or so. Fine.", ["Pi is 3.14 or so.", "Fine."]),
        ("Use e.g. bread or i.e. toast. Good.", ["Use e.g. bread or i.e. toast.", "Good."]),
        (
            "Apples, pears, etc. are fruit. Eat.",
            ["Apples, pears, etc.".split(".")[0] + ". are fruit.", "Eat."],
        ),
        ("J. R. Tolkien wrote it. Read it.", ["J. R. Tolkien wrote it.", "Read it."]),
        ("Well... maybe. No.", ["Well... maybe.", "No."]),
        ("Wait... No.", ["Wait...", "No."]),
        ('He said "Stop!" and left. Then rain.', ['He said "Stop!" and left.', "Then rain."]),
        ('She said "Go." He went.', ['She said "Go."', "He went."]),
        ("See example.org today. Bye.", ["See example.org today.", "Bye."]),
        ("1. Eat. 2. Sleep.", ["1. Eat.", "2. Sleep."]),
        ("It was me and I. You know.", ["It was me and I.", "You know."]),
        ("One\nTwo\n", ["One", "Two"]),
        ("No stop at the end", ["No stop at the end"]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: list[str]):
    """Abbreviations, decimals, initials, ellipses and quotations do not end a sentence."""
    assert texts(text) == sentences
    assert all(piece.ends_sentence for piece in cut(text))


def test_a_sentence_goes_out_as_soon_as_the_next_begins():
    """The first sentence does not wait for the end of the second."""
    cutter = SentenceCutter()
    assert cutter.push("It is late.") == ()
    assert cutter.push(" ") == ()
    assert cutter.push("G") == (Piece("It is late. ", ends_sentence=True),)


def test_the_first_clause_goes_out_ahead():
    """The caller waits for the first sound: a long enough first clause is spoken at once."""
    cutter = SentenceCutter()
    assert cutter.push("The answer to your question, ") == (
        Piece("The answer to your question, ", ends_sentence=False),
    )
    assert cutter.push("I am very much afraid, is no. Or") == (
        Piece("I am very much afraid, is no. ", ends_sentence=True),
    )


def test_a_short_first_clause_waits_for_its_sentence():
    """A short "Well," alone would sound chopped."""
    assert texts("Well, it is late. Go.") == ["Well, it is late.", "Go."]


def test_text_without_an_end_is_cut_at_a_clause_or_a_word():
    """The caller does not wait for a sentence that never ends."""
    words = texts("word " * 100)
    assert len(words) > 2
    assert all(len(piece) <= MAX_PIECE_CHARS and not piece.startswith("ord") for piece in words)
    clauses = cut("These first words go here, " + "x" * 80 + ", " + "y" * 150)
    assert clauses[1].text.endswith("x, ")
    assert not clauses[1].ends_sentence
    assert len(cut("z" * 500)) == 3
