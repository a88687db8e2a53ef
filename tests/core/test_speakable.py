"""What of a reply can be spoken."""

from __future__ import annotations

import pytest

from agentvoice.core.speakable import speakable


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("**Bold** and *soft* and `code`.", "Bold and soft and code."),
        ("# Title", "Title"),
        ("- one\n- two", "one two"),
        ("> quoted", "quoted"),
        ("See [the page](https://example.org/x).", "See the page."),
        ("```python\nprint(1)\n```", "print(1)"),
        ("Good morning 😀👍🏽!", "Good morning !"),
        ("Family 👨‍👩‍👧 ☀️ done", "Family done"),
        ("It is 20 °C, snake_case stays.", "It is 20 °C, snake_case stays."),
        ("__init__ and _this_", "init and this"),
        ("bell\x07 and\tspace", "bell and space"),
        ("3 - 2 = 1", "3 - 2 = 1"),
        ("Äpfel, naïve, Ω", "Äpfel, naïve, Ω"),
        ("***", ""),
        ("…", ""),
        ("😀", ""),
        ("", ""),
    ],
)
def test_markup_and_pictures_are_not_spoken(text: str, spoken: str):
    """Markdown, emoji and control characters go; letters, numbers and stops stay."""
    assert speakable(text) == spoken
