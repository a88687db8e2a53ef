from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.redaction import (
    MAX_RULE_CHARS,
    build_redactor,
    check_rules,
    kind_of,
    secrets_named,
)
from agentvoice.errors import UsageError

DEFAULT = ("phone", "email", "card")
CARD = "4111 1111 1111 1111"


def redact(text: str, *rules: str, **secrets: str) -> tuple[str, dict[str, int]]:
    found = build_redactor(rules or DEFAULT, secrets).redact(text)
    return found.text, dict(found.counts)


def test_what_was_there_is_said_and_counted():
    """Each kind has its words, each rule its count."""
    text = f"Ring +1 555 123 4567 or 0151 2345678, write a.b@example.com, pay with {CARD}."
    assert redact(text) == (
        "Ring [phone number removed] or [phone number removed], write [e-mail address removed],"
        " pay with [card number removed].",
        {"phone": 2, "email": 1, "card": 1},
    )


def test_only_the_rules_given_are_applied():
    """A project may keep numbers, and name patterns and secrets of its own."""
    text = f"gate 17, {CARD}, tok-1234567"
    assert redact(text, "pattern:gate [0-9]+", T="tok-1234567") == (
        f"[removed], {CARD}, [secret removed]",
        {"pattern:gate [0-9]+": 1, "secret:T": 1},
    )
    assert redact(text, "pattern:^nothing$")[1] == {}
    assert redact("x", "card", T="")[1] == {}


def test_overlapping_matches_are_removed_as_one():
    """No rule hides a part of a match from another: what any of them found goes, whole."""
    text, counts = redact(f"a {CARD} b", "card", "pattern:a 4111", "pattern:1111 b")
    assert (text, sum(counts.values())) == ("[card number removed]", 3)


def test_a_match_over_removed_words_takes_them_with_it():
    """An expression that reaches over what was put in removes all that it names."""
    assert redact("pin is 555-0123 x", "phone", "pattern:pin is .*")[0] == "[phone number removed]"
    again = build_redactor(("pattern:pin .*",), {}).redact("my pin [phone number removed] x")
    assert again.text == "my [removed]"


def test_an_expression_that_eats_what_it_left_ends():
    """Going over a text until nothing is found comes to an end, whatever the expression."""
    assert redact("abc", "pattern:^.")[0] == "[removed]bc"
    assert redact("abc", "pattern:[a-z]")[0] == "[removed]" * 3
    assert redact("ab", r"pattern:\bb|a")[0] == "[removed]" * 2
    assert redact("ab", r"pattern:\b")[0] == "ab"  # matches places, not letters


@given(st.text())
def test_redacting_twice_is_redacting_once(text: str):
    """What is left holds nothing more to redact."""
    redactor = build_redactor((*DEFAULT, "pattern:a+b"), {"T": "secret-7"})
    once = redactor.redact(text).text
    assert redactor.redact(once) == type(redactor.redact(once))(once, {})


@given(
    st.lists(st.sampled_from(["555", "0123", "-", " ", "+49", "4111", "ada", "at", "dot", "com", "@", "one"]))
)
def test_redacting_what_is_full_of_numbers_twice_is_redacting_once(parts: list[str]):
    """Also where every word is a part of something."""
    redactor = build_redactor(DEFAULT, {})
    once = redactor.redact(" ".join(parts)).text
    assert redactor.redact(once).text == once


@given(st.lists(st.sampled_from(("we saw", "boats in 2024,", "at 10:30 near", "room 12, o well"))))
def test_a_text_without_a_match_is_unchanged(words: list[str]):
    """Not a character moves where nothing is found."""
    assert redact(" ".join(words)) == (" ".join(words), {})


def test_a_redactor_shows_no_secret():
    """Neither its repr nor a rule's public kind tells what it takes out."""
    assert "hush" not in repr(build_redactor(("pattern:hush",), {"T": "hush"}))
    assert [kind_of(rule) for rule in ("card", "pattern:a:b", "secret:T")] == ["card", "pattern", "secret"]
    assert secrets_named(("card", "secret:A", "secret:file:/x")) == ("A", "file:/x")


def test_an_evil_expression_is_harmless():
    """What takes other engines for ever is over at once: the time is linear in the text."""
    assert redact("a" * 100_000 + "!", "pattern:(a+)+$") == ("a" * 100_000 + "!", {})


def test_what_is_full_of_matches_is_gone_over_a_few_times():
    """Numbers that follow each other are found in one go, however many; none of them keeps the thread waiting."""
    text, counts = redact("call " + "5551234 or " * 10_000)
    assert (text, counts) == ("call " + "[phone number removed] or " * 10_000, {"phone": 10_000})
    assert redact("ab@example.com " * 10_000)[1] == {"email": 10_000}


@pytest.mark.parametrize(
    "sign", ["\u200b", "\u00ad", "\u2060", "\u202a\u202c", "\ufeff", "\u2212", "\u00a0", "\u202f"]
)
def test_what_is_not_seen_hides_nothing(sign: str):
    """A reader sees a number where copied text has a joiner, a direction or another blank in it."""
    text = f"card {CARD}, or call +1 555 123 4567".replace(" 1", f"{sign}1")
    assert redact(text)[0] == "card [card number removed], or call [phone number removed]"


def test_an_address_with_something_unseen_in_it():
    """Words that may be parted at the end of a line are one word."""
    assert redact("write ada@exam\u00adple\u200b.com")[0] == "write [e-mail address removed]"


def test_our_own_words_make_nothing_private():
    """A text that speaks of a removed phone number may go on with a number."""
    text = "[phone number removed] 1234567"
    assert redact(text) == (text, {})


def test_an_expression_that_nibbles_takes_all():
    """One that finds a little more each time is not gone over for ever: the whole text goes."""
    assert redact("x" * 100_000, r"pattern:\bx")[0] == "[removed]"
    assert redact("xxxx", r"pattern:\bx")[0] == "[removed]" * 4


def test_right_rules_pass():
    """The defaults, none at all, and each form."""
    check_rules(DEFAULT)
    check_rules(())
    check_rules(("pattern:[a-z]+\\d", "secret:DOOR", "secret:file:/a b", "secret:credential:door"))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (("fone",), "redact: got 'fone', want phone, email, card, pattern:REGEX or secret:NAME"),
        (("card:x",), "redact: got 'card:x', want phone"),
        (("pattern",), "redact: got 'pattern', want phone"),
        (("card", "card"), "redact: got 'card' twice, want each once"),
        (("card",) * 65, "redact: got 65 rules, want 64 at most"),
        (("pattern:" + "a" * MAX_RULE_CHARS,), "redact: got a rule of 1008 characters, want 1000 at most"),
        (("pattern:ab[c",), "want a regular expression (RE2): missing ] at character 3"),
        (("pattern:ab(?<=c)",), "(RE2): invalid perl operator at character 3"),
        (("pattern:(a{900}){900}",), "want a regular expression (RE2): "),
        (("pattern:",), "want a regular expression that does not match nothing"),
        (("pattern:a*",), "want a regular expression that does not match nothing"),
        (("secret:",), "redact: got 'secret:', want secret:NAME"),
        (("secret: A",), "redact: got 'secret: A', want secret:NAME"),
        (("secret:A\nB",), "want secret:NAME"),
    ],
)
def test_wrong_rules_are_named(rules: tuple[str, ...], message: str):
    """One line: the rule, what is wrong with it, where."""
    with pytest.raises(UsageError) as error:
        check_rules(rules)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
