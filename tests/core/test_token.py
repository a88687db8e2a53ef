"""What a token is made of, and what is kept of it."""

from __future__ import annotations

import pytest

from agentvoice.core.token import (
    DIGEST_CHARS,
    ID_CHARS,
    RANDOM_BYTES,
    build_token,
    is_token,
    token_digest,
    token_id,
)

TOKEN = build_token(bytes(range(RANDOM_BYTES)))


def test_a_token_has_an_id_and_a_secret():
    """The id may be shown; all the random bytes are in it, and it can be typed anywhere."""
    assert TOKEN == "av_000102030405_BgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCU"
    assert token_id(TOKEN) == "000102030405"
    assert len(token_id(TOKEN)) == ID_CHARS
    assert build_token(bytes([255]) * RANDOM_BYTES).isascii()


@pytest.mark.parametrize(
    "text", ["", "av_", TOKEN[:-1], TOKEN + "A", TOKEN.upper(), f" {TOKEN}", "av_\udc80"]
)
def test_what_is_no_token_has_no_id(text: str):
    """Anything else finds nothing."""
    assert token_id(text) == ""


def test_a_digest_is_of_one_token():
    """The whole token counts; a text that cannot be encoded has a digest too, and matches nothing."""
    digest = token_digest(TOKEN)
    assert len(digest) == DIGEST_CHARS
    assert is_token(TOKEN, digest)
    assert not is_token(TOKEN[:-1] + "V", digest)
    assert not is_token("\udc80", digest)
