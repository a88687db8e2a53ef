from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.private_words import find_emails, find_secret
from tests.core.test_private_numbers import cut

SECRET = "sk-Abc123_Xyz"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Write to ada.l+test@mail.example.co.uk.", "Write to ."),
        ("ada at example dot com please", " please"),
        ("ada dot lovelace at my-house dot example dot org", ""),
        ("it is ada underscore 1 at gmail dot com", "it is "),
        ("anna.smith at example.com", ""),
        ("reach ada at gmail.com", "reach "),
        ("j o h n at proton dot me", ""),
        ("ada7 @ example.com", ""),
        ("Grüße@köln.example", ""),
    ],
)
def test_emails(text: str, rest: str):
    """Written, spoken, and the mixtures that transcripts hold."""
    assert cut(text, find_emails) == rest


@pytest.mark.parametrize(
    "text",
    [
        "look at example.com",
        "look at example dot com",
        "be at this dot com party",
        "the garden at example.com",
        "meet me at five",
        "@ada said so",
        "point at the dot in the picture",
        "",
    ],
)
def test_no_emails(text: str):
    """A page to look at, a place to be, a handle."""
    assert find_emails(text) == []


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"It is {SECRET}!", "It is !"),
        ("SK-ABC123_XYZ", ""),
        ("s k a b c 1 2 3 x y z", ""),
        ("s, k dash a b c one two three underscore x y z.", "."),
        (f"{SECRET} and again {SECRET}", " and again "),
    ],
)
def test_a_secret_is_found_however_it_is_spelled(text: str, rest: str):
    """As it is, in other case, letter by letter, with its signs named."""
    assert cut(text, lambda each: sorted(set(find_secret(each, SECRET)))) == rest


@pytest.mark.parametrize(
    ("secret", "text", "rest"),
    [
        ("1234", "the code is 1 2 3 4", "the code is "),
        ("1234", "one two three four", ""),
        ("1234", "91234 and 12345 and 1,2,3,4", "91234 and 12345 and 1,2,3,4"),
        ("!!!!", "wow!!!!", "wow"),
        ("Straße99", "STRASSE 99", ""),
    ],
)
def test_short_secrets_stand_alone(secret: str, text: str, rest: str):
    """A short one is found as words of its own; one without letters as it is."""
    assert cut(text, lambda each: sorted(set(find_secret(each, secret)))) == rest


@given(st.text("abcXYZ019", min_size=8, max_size=40), st.sampled_from(["", " ", "-", " - "]))
def test_every_spelling_of_a_secret_is_found(secret: str, gap: str):
    """Whatever stands between its letters, all of it is found."""
    found = find_secret(f"is {gap.join(secret)} it", secret)
    assert (min(found)[0], max(found)[1]) == (3, 3 + len(gap.join(secret)))
