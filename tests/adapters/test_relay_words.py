from __future__ import annotations

from agentvoice.adapters.relay_words import MAX_WORDS_CHARS, show_address, show_reason, show_words


def test_addresses_are_shown_without_secrets():
    """User, password and query never reach a message."""
    assert show_address("wss://me:secret@r.example:1/in?token=secret") == "wss://r.example:1/in"
    assert show_address("ws://[::1") == "a relay with an unreadable address"


def test_words_are_one_bounded_line():
    """Line ends, terminal commands and length are taken out of a peer's words."""
    assert show_words("no\r\n\x1b[2Jroot \t here") == "no [2Jroot here"
    assert len(show_words("x" * 10_000)) == MAX_WORDS_CHARS


def test_an_error_without_words_is_named():
    """A reason is never empty."""
    assert show_reason(EOFError()) == "EOFError"
    assert show_reason(OSError("no\nroute")) == "no route"
