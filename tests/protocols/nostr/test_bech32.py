from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.protocols.nostr.bech32 import MAX_CHARS, decode_bech32, encode_bech32


@pytest.mark.parametrize(
    "text",
    [
        "A12UEL5L",
        "a12uel5l",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
    ],
)
def test_vectors_of_bip_173(text: str):
    """The standard's own valid examples decode and encode back."""
    prefix, data = decode_bech32(text)
    assert encode_bech32(prefix, data) == text.lower()


@pytest.mark.parametrize(
    "text",
    ["", "1", "a1", "pzry9x0s0muk", "1pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3", "A1G7SGD8", "10a06t8", "1qzzfhee", "a12UEL5L", "é12uel5l", "q" * (MAX_CHARS + 1)],
)  # fmt: skip
def test_what_is_no_bech32_is_refused(text: str):
    """The standard's invalid examples, mixed case and endless text raise ValueError."""
    with pytest.raises(ValueError, match=r"want|mixed|bech32|belong|checksum|empty"):
        decode_bech32(text)


@given(st.binary(max_size=300))
def test_any_bytes_come_back(data: bytes):
    """Encoding and decoding are inverse."""
    assert decode_bech32(encode_bech32("npub", data)) == ("npub", data)


@given(st.binary(min_size=32, max_size=32), st.integers(5, 61), st.integers(1, 31))
def test_any_mistyped_character_is_noticed(data: bytes, index: int, shift: int):
    """One wrong character always breaks the checksum."""
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    text = encode_bech32("npub", data)
    wrong = alphabet[(alphabet.index(text[index]) + shift) % 32]
    with pytest.raises(ValueError, match="checksum"):
        decode_bech32(text[:index] + wrong + text[index + 1 :])


def test_bits_that_belong_to_no_byte_are_refused():
    """A right checksum over groups that are no whole bytes, or whose padding is not zero, is no data."""
    for text in ("a1lmyple6", "a1ql2pu6jt"):
        with pytest.raises(ValueError, match="last bits"):
            decode_bech32(text)
