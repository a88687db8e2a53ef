"""NIP-19: npub, nsec, note and nevent; NIP-21: the `nostr:` link.

Error messages name the field and never repeat what was given: it may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentvoice.errors import InvalidKey
from agentvoice.protocols.nostr.bech32 import decode_bech32, encode_bech32

KEY_BYTES = 32
NOSTR_URI = "nostr:"

_HEX = re.compile(r"[0-9a-fA-F]+")
_TLV_SPECIAL, _TLV_RELAY, _TLV_AUTHOR, _TLV_KIND = 0, 1, 2, 3
_MAX_TLV_BYTES = 255
_FIELD_PRIME = 2**256 - 2**32 - 977  # secp256k1 (SEC 2, section 2.4.1)
_GROUP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True, slots=True)
class EventPointer:
    """What a nevent names: an event, where it may be found, its author and kind."""

    event_id: str
    relays: tuple[str, ...] = ()
    author: str = ""
    kind: int | None = None


def encode_npub(pubkey: str) -> str:
    """Return the npub of a hex public key."""
    return encode_bech32("npub", bytes.fromhex(pubkey))


def encode_nsec(secret: bytes) -> str:
    """Return the nsec of a secret key: for files and `--reveal` only."""
    return encode_bech32("nsec", secret)


def encode_note(event_id: str) -> str:
    """Return the note of a hex event id."""
    return encode_bech32("note", bytes.fromhex(event_id))


def encode_nevent(pointer: EventPointer) -> str:
    """Return the nevent of an event; relays longer than 255 bytes are left out (NIP-19's TLV)."""
    fields = [(_TLV_SPECIAL, bytes.fromhex(pointer.event_id))]
    fields += [(_TLV_RELAY, relay.encode()) for relay in pointer.relays]
    if pointer.author:
        fields.append((_TLV_AUTHOR, bytes.fromhex(pointer.author)))
    if pointer.kind is not None:
        fields.append((_TLV_KIND, pointer.kind.to_bytes(4, "big")))
    data = b"".join(
        bytes((kind, len(value))) + value for kind, value in fields if len(value) <= _MAX_TLV_BYTES
    )
    return encode_bech32("nevent", data)


def decode_pubkey(field: str, text: str) -> str:
    """Return the hex public key of an npub (also `nostr:npub…`) or of 64 hex digits.

    Raises InvalidKey naming `field`; a secret key given by mistake is named as such.
    """
    text = text.strip().removeprefix(NOSTR_URI)
    key = _decode_key(field, text, "npub", wanted="an npub or 64 hex digits")
    x = int.from_bytes(key, "big")
    on_curve = x < _FIELD_PRIME and pow(x**3 + 7, (_FIELD_PRIME - 1) // 2, _FIELD_PRIME) == 1
    if not on_curve:
        raise InvalidKey(f"{field}: got a number that is no public key (no point of secp256k1)")
    return key.hex()


def decode_secret(field: str, text: str) -> bytes:
    """Return the secret key of an nsec or of 64 hex digits; raises InvalidKey naming `field`."""
    secret = _decode_key(field, text.strip(), "nsec", wanted="an nsec or 64 hex digits")
    if not 0 < int.from_bytes(secret, "big") < _GROUP_ORDER:
        raise InvalidKey(f"{field}: got a number that is no secret key (out of secp256k1's range)")
    return secret


def decode_note(field: str, text: str) -> str:
    """Return the hex event id of a note or of 64 hex digits; raises InvalidKey naming `field`."""
    text = text.strip().removeprefix(NOSTR_URI)
    return _decode_key(field, text, "note", wanted="a note or 64 hex digits").hex()


def decode_nevent(field: str, text: str) -> EventPointer:
    """Return what a nevent (also `nostr:nevent…`) names; unknown parts are ignored, as NIP-19 asks.

    Raises InvalidKey naming `field`.
    """
    data = _decode_prefixed(field, text.strip().removeprefix(NOSTR_URI), "nevent", wanted="a nevent")
    event_id, author, kind = "", "", None
    relays: list[str] = []
    while data:
        if len(data) < 2 or len(data) < 2 + data[1]:
            raise InvalidKey(f"{field}: got a nevent that ends in the middle of a part")
        value, tag, data = data[2 : 2 + data[1]], data[0], data[2 + data[1] :]
        if tag == _TLV_SPECIAL and len(value) == KEY_BYTES:
            event_id = event_id or value.hex()
        elif tag == _TLV_RELAY:
            relays.append(value.decode("ascii", errors="replace"))
        elif tag == _TLV_AUTHOR and len(value) == KEY_BYTES:
            author = value.hex()
        elif tag == _TLV_KIND and len(value) == 4:
            kind = int.from_bytes(value, "big")
    if not event_id:
        raise InvalidKey(f"{field}: got a nevent without an event id of {KEY_BYTES} bytes")
    return EventPointer(event_id, tuple(relays), author, kind)


def _decode_key(field: str, text: str, prefix: str, *, wanted: str) -> bytes:
    if _HEX.fullmatch(text) and not text.startswith(f"{prefix}1"):
        if len(text) != KEY_BYTES * 2:
            raise InvalidKey(f"{field}: got {len(text)} hex digits, want {KEY_BYTES * 2}")
        return bytes.fromhex(text)
    data = _decode_prefixed(field, text, prefix, wanted=wanted)
    if len(data) != KEY_BYTES:
        raise InvalidKey(f"{field}: got a {prefix} of {len(data)} bytes, want {KEY_BYTES}")
    return data


def _decode_prefixed(field: str, text: str, prefix: str, *, wanted: str) -> bytes:
    if not text:
        raise InvalidKey(f"{field}: got nothing, want {wanted}")
    try:
        found, data = decode_bech32(text)
    except ValueError as error:
        raise InvalidKey(f"{field}: {error}; want {wanted}") from None
    if found != prefix:
        raise InvalidKey(f"{field}: got {_NAMES.get(found, 'another kind of key')}, want {wanted}")
    return data


_NAMES = {
    "npub": "an npub (a public key)",
    "nsec": "an nsec (a secret key)",
    "note": "a note (an event id)",
    "nevent": "a nevent (an event)",
    "nprofile": "an nprofile (a person)",
    "naddr": "an naddr (an address)",
    "ncryptsec": "an ncryptsec (an encrypted secret key)",
}
