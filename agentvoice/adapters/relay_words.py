"""What is shown of relays: their addresses without secrets, their words on one bounded line."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

MAX_WORDS_CHARS = 300
"""What is kept of a relay's own words: enough for a reason, too little to fill a log with."""


def show_address(address: str) -> str:
    """Return the address without user, password and query, which may hold a token."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "a relay with an unreadable address"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, query="", fragment=""))


def show_reason(error: BaseException) -> str:
    """Return the error's own words on one bounded line."""
    return show_words(str(error)) or type(error).__name__


def show_words(text: str) -> str:
    """Return a peer's words on one bounded line, without what a terminal would obey."""
    line = "".join(char if char.isprintable() else " " for char in text[: 4 * MAX_WORDS_CHARS])
    return " ".join(line.split())[:MAX_WORDS_CHARS]
