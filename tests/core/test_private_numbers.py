from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.private_numbers import DIGIT_WORDS, find_cards, find_phones, holds_luhn

WORDS = {digit: word for word, digit in DIGIT_WORDS.items() if len(word) > 2}


def cut(text: str, find) -> str:
    """The text with every character that was found as `#`."""
    for start, end in find(text):
        text = text[:start] + "#" * (end - start) + text[end:]
    return text.replace("#", "")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("It is 4111 1111 1111 1111, thanks.", "It is , thanks."),
        ("4111-1111-1111-1111 until 12/26", " until 12/26"),
        ("4111111111111111", ""),
        ("378282246310005 and 6011111111111117", " and "),
        ("four one one one, one one one one, one one one one, one one one one", ""),
        ("four one double one 1111 triple one one 1111", ""),
        ("four-one-one-one one one one one one one one one one one one one it was", " it was"),
        ("4111\n1111 1111 1111", ""),
        ("99 4111 1111 1111 1111 yes", "99  yes"),
    ],
)
def test_cards(text: str, rest: str):
    """Written or spoken, in any groups, with what stands around them kept."""
    assert cut(text, find_cards) == rest


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # the sum does not hold
        "4242 4242 4242",  # twelve digits
        "41111111111111110000",  # twenty, without a gap
        "4111 1111 eggs 1111 1111",
        "in 2024, 2025 and 2026",
        "",
    ],
)
def test_no_cards(text: str):
    """A wrong sum, another length, and digits with words between them."""
    assert find_cards(text) == []


@given(st.text("0123456789", min_size=12, max_size=18), st.sampled_from(["", " ", "-", "words"]))
def test_no_digit_of_a_card_survives(digits: str, gap: str):
    """Whatever passes Luhn is found, and all of it, in every form."""
    card = next(digits + check for check in "0123456789" if holds_luhn(digits + check))
    if gap == "words":
        written = " ".join(WORDS[digit] for digit in card)
    else:
        written = gap.join(card[at : at + 4] for at in range(0, len(card), 4))
    assert cut(f"so {written} yes", find_cards) == "so  yes"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("+1 (555) 123-4567 is mine", " is mine"),
        ("ring (020) 7946 0958", "ring "),
        ("plus four nine one five one two three four five six seven eight", ""),
        ("+49 151 23456789.", "."),
        ("+49 151 23456789 20241111", " 20241111"),
        ("0049 30 1234567", ""),
        ("555-123-4567 or 555 123 4567 or 555.123.4567", " or  or "),
        ("1-800-555-0199", ""),
        ("it was 555-0123", "it was "),
        ("0151 2345678, 07911123456", ", "),
        ("06 12 34 56 78", ""),
        ("06.12.34.56.78", ""),
        ("on 2024-05-06 07911 123456", "on 2024-05-06 "),
        ("five five five oh one two three", ""),
        ("555 one two three four", ""),
        ("My phone number is 2025550123.", "My phone number is ."),
        ("you can call me at 2025550123 tonight", "you can call me at  tonight"),
        ("text me: 612 345 678", "text me: "),
    ],
)
def test_phones(text: str, rest: str):
    """International and common national forms, written and spoken."""
    assert cut(text, find_phones) == rest


@pytest.mark.parametrize(
    "text",
    [
        "from 2019-2024, in 1999",
        "at 10:30, or 10:30:15, on 2024-05-06 or 06.05.2024",
        "it costs $1,234,567.89, or 1 234 567 euros, or 99 999 999 EUR",
        "room 204, gate 17, route 66",
        "order 2025550123",
        "call about order 20255501 please",
        "ticket 0012345678",
        "0000 0000 0000",
        "ISBN 978-3-16-148410-0",
        "192.168.100.200",
        "3.14159265358979",
        "one two three four five six seven eight nine",
        "nine eight seven six five four three",
        "nine one one",
        "12345678 one two three four",
        "12345678 one two three four five",
        "0 or 00 or 012 34",
        "call me at 10:30 in 2024",
        "+12 34",
        "",
    ],
)
def test_no_phones(text: str):
    """Years, days, times, money, short numbers, ids, addresses of machines, and counting."""
    assert cut(text, find_phones) == text


def test_luhn():
    """The last digit checks the others."""
    assert holds_luhn("79927398713")
    assert not any(holds_luhn(f"7992739871{digit}") for digit in "012456789")


def test_another_number_after_a_telephones():
    """Whoever gives two says what they are once; an order's number, or a new sentence, is another matter."""
    for text, rest in (
        ("call 5551234 or 5555678, 1112223", "call  or , "),
        ("call 5551234 or at night maybe 5555678", "call  or at night maybe "),
        ("call 5551234 for order 5555678", "call  for order 5555678"),
        ("call 5551234. It was 5555678", "call . It was 5555678"),
        ("call 5551234 and that was all I had to say 5555678", "call  and that was all I had to say 5555678"),
    ):
        assert cut(text, find_phones) == rest


@pytest.mark.parametrize("part", ["1 ", "1,", "2020-01-02 ", "12345 ", "one 12345 "])
@pytest.mark.parametrize("find", [find_cards, find_phones])
def test_the_work_grows_with_the_text(part: str, find: Callable[[str], list[tuple[int, int]]]):
    """Ten times the list is ten times the work, not a hundred: nobody can stop a daemon by a turn of numbers."""

    def work_s(times: int) -> float:
        began_s = time.process_time()
        find(part * times)
        return time.process_time() - began_s

    gc.disable()  # its work grows with all that other tests have left behind
    try:
        few_s = max(work_s(2_000) for _ in range(3))
        assert min(work_s(20_000) for _ in range(2)) < 60 * few_s
    finally:
        gc.enable()
