"""Names as recognition writes them: by exact spelling, by sound, by likeness."""

from __future__ import annotations

import pytest

from agentvoice.core.engine import HandoverTarget
from agentvoice.core.spoken_names import Likeness, edit_distance, likeness, name_at, plain_words, sound_of

MAX = HandoverTarget("max", "Max", ("the engineer",))
ADA = HandoverTarget("ada", "Ada")


@pytest.mark.parametrize(
    ("heard", "name", "expected"),
    [
        ("max", "Max", Likeness.EXACT),
        ("macks", "Max", Likeness.SOUND),
        ("Marks", "Max", Likeness.SOUND),
        ("eda", "Ada", Likeness.SOUND),
        ("Filip", "Philip", Likeness.SOUND),
        ("maksim", "Maxine", None),
        ("jonatan", "Jonathan", Likeness.SOUND),
        ("jemnifer", "Jennifer", Likeness.SIMILAR),
        ("johnson", "Jones", None),
        ("him", "Hem", None),
        ("", "Max", None),
        ("mike", "Max", None),
        ("dad", "Ada", None),
    ],
)
def test_likeness(heard: str, name: str, expected: Likeness | None):
    """Short names need the same sound; long ones may have a letter or two wrong."""
    assert likeness(heard, name) == expected


def test_sound_keys_ignore_vowels_and_doubled_letters():
    """Vowels are heard alike; consonants keep their class."""
    assert sound_of("Maxx") == sound_of("Mucks") == "maks"
    assert sound_of("Knight") != sound_of("Max")


@pytest.mark.parametrize(
    ("one", "other", "distance"), [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("max", "max", 0)]
)
def test_edit_distance(one: str, other: str, distance: int):
    """Levenshtein distance, the same both ways."""
    assert edit_distance(one, other) == edit_distance(other, one) == distance


def test_a_name_is_found_after_fillers_with_the_words_it_used():
    """Articles and kinds of people before the name are passed over and counted."""
    assert name_at(["my", "colleague", "max", "now"], [ADA, MAX]) == (MAX, 3)
    assert name_at(["the", "engineer"], [ADA, MAX]) == (MAX, 2)


@pytest.mark.parametrize("words", [[], ["the"], ["the", "table"], ["table", "max"]])
def test_nobody_is_found_where_no_name_comes_first(words: list[str]):
    """A name further on is not what was asked for."""
    assert name_at(words, [ADA, MAX]) is None


def test_a_name_of_two_agents_is_nobodys():
    """When two agents are equally like the word, neither is guessed."""
    assert name_at(["ida"], [ADA, HandoverTarget("eda", "Eda")]) is None


def test_plain_words_drop_quotations_and_case():
    """What is quoted is not said by the caller."""
    assert plain_words("He  wrote “Hand me to Max” to\nme’s") == "he wrote to me's"
