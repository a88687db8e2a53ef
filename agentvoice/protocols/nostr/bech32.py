"""Bech32 (BIP-173), the alphabet with a checksum that NIP-19 writes keys in.

NIP-19 drops BIP-173's limit of 90 characters; ours is MAX_CHARS.
"""

from __future__ import annotations

MAX_CHARS = 5_000  # NIP-19's own suggestion

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {char: value for value, char in enumerate(_ALPHABET)}
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_CHARS = 6


def encode_bech32(prefix: str, data: bytes) -> str:
    """Return `data` as bech32 text that begins with `prefix` and `1`."""
    groups = _regroup(data, 8, 5, pad=True)
    return f"{prefix}1" + "".join(_ALPHABET[group] for group in [*groups, *_checksum(prefix, groups)])


def decode_bech32(text: str) -> tuple[str, bytes]:
    """Return (prefix, data); raise ValueError saying in a few words what is wrong (never the text)."""
    if len(text) > MAX_CHARS:
        raise ValueError(f"got {len(text)} characters, want at most {MAX_CHARS}")
    if text.lower() != text and text.upper() != text:
        raise ValueError("upper and lower case are mixed")
    text = text.lower()
    prefix, separator, body = text.rpartition("1")
    if not separator or not prefix or len(body) < _CHECKSUM_CHARS:
        raise ValueError("it is not bech32 (a name, a 1, and letters and digits)")
    try:
        values = [_VALUES[char] for char in body]
    except KeyError as error:
        raise ValueError(f"the character {error.args[0]!r} does not belong in it") from None
    groups, checksum = values[:-_CHECKSUM_CHARS], values[-_CHECKSUM_CHARS:]
    if _checksum(prefix, groups) != checksum:
        raise ValueError("the checksum is wrong: a character is missing or mistyped")
    return prefix, bytes(_regroup(groups, 5, 8, pad=False))


def _checksum(prefix: str, groups: list[int]) -> list[int]:
    expanded = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    residue = _polymod([*expanded, *groups, *([0] * _CHECKSUM_CHARS)]) ^ 1
    return [(residue >> 5 * (_CHECKSUM_CHARS - 1 - index)) & 31 for index in range(_CHECKSUM_CHARS)]


def _polymod(values: list[int]) -> int:
    residue = 1
    for value in values:
        top = residue >> 25
        residue = (residue & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            if top >> bit & 1:
                residue ^= generator
    return residue


def _regroup(data: bytes | list[int], from_bits: int, to_bits: int, *, pad: bool) -> list[int]:
    buffer = bits = 0
    groups = []
    for value in data:
        buffer = buffer << from_bits | value
        bits += from_bits
        while bits >= to_bits:
            bits -= to_bits
            groups.append(buffer >> bits & ((1 << to_bits) - 1))
        buffer &= (1 << bits) - 1
    if pad and bits:
        groups.append(buffer << (to_bits - bits) & ((1 << to_bits) - 1))
    elif not pad and (bits >= from_bits or buffer):
        raise ValueError("its last bits are not empty")
    return groups
