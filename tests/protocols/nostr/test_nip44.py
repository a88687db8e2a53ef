from __future__ import annotations

import base64
import os

import nostr_sdk
import pytest

from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey, LocalProtocolError, RemoteProtocolError
from agentvoice.protocols.nostr import nip44
from tests.fakes.nostr_tools import ask_nostr_tools

OURS, THEIRS = nostr_sdk.Keys.generate(), nostr_sdk.Keys.generate()
LENGTHS = (
    1,
    2,
    31,
    32,
    33,
    63,
    64,
    65,
    96,
    97,
    255,
    256,
    257,
    320,
    383,
    384,
    385,
    1_000,
    1_024,
    4_095,
    65_535,
)
WRITTEN_BY_NOSTR_SDK = 65_408
"""It reads longer texts, but writes none."""

TEXTS = [
    *("x" * length for length in LENGTHS),
    "a word",
    "Grüße, 世界 🎙️",
    "é" * 32_767 + "x",
    "\x00",
    '{"json": "\\ud83c"}',
    " \n\t ",
]


def key_with(mine: nostr_sdk.Keys, other: nostr_sdk.Keys) -> Secret[bytes]:
    secret = bytes.fromhex(mine.secret_key().to_hex())
    return nip44.conversation_key(Secret(secret), other.public_key().to_hex())


KEY = key_with(OURS, THEIRS)


def encrypt(text: str) -> str:
    return nip44.encrypt(KEY, text, os.urandom(nip44.NONCE_BYTES))


def test_the_key_is_the_same_from_either_side():
    """What one computes with the other's public key, the other computes with the one's."""
    assert KEY.reveal() == key_with(THEIRS, OURS).reveal()
    assert len(KEY.reveal()) == 32


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_an_independent_library_agrees(text: str):
    """nostr-sdk reads what we write, and we read what it writes."""
    secret, pubkey = THEIRS.secret_key(), OURS.public_key()
    assert nostr_sdk.nip44_decrypt(secret, pubkey, encrypt(text)) == text
    if len(text.encode()) > WRITTEN_BY_NOSTR_SDK:
        return
    theirs = nostr_sdk.nip44_encrypt(secret, pubkey, text, nostr_sdk.Nip44Version.V2)
    assert nip44.decrypt(KEY, theirs) == text
    assert len(theirs) == len(encrypt(text))


def test_another_language_agrees():
    """The peer of npm, nostr-tools, reads what we write, and we read what it writes, all texts."""
    sides = {"secret": THEIRS.secret_key().to_hex(), "pubkey": OURS.public_key().to_hex()}
    written = ask_nostr_tools([{"do": "encrypt44", "text": text, **sides} for text in TEXTS])
    assert [nip44.decrypt(KEY, payload) for payload in written] == TEXTS
    payloads = [encrypt(text) for text in TEXTS]
    assert ask_nostr_tools([{"do": "decrypt44", "payload": each, **sides} for each in payloads]) == TEXTS


def test_the_nonce_decides_the_payload():
    """The same nonce gives the same payload, another one another."""
    nonce = bytes(range(32))
    assert nip44.encrypt(KEY, "hello", nonce) == nip44.encrypt(KEY, "hello", nonce)
    assert nip44.encrypt(KEY, "hello", nonce) != nip44.encrypt(KEY, "hello", bytes(32))


def test_lengths_are_blurred():
    """Padding grows in steps: 32 bytes at first, then an eighth of the next power of two."""
    steps = {1: 32, 32: 32, 33: 64, 256: 256, 257: 320, 320: 320, 321: 384, 1_025: 1_280, 65_535: 65_536}
    assert {length: nip44.padded_length(length) for length in steps} == steps


@pytest.mark.parametrize("text", ["", "x" * 65_536, "é" * 32_768], ids=["empty", "long", "long in bytes"])
def test_what_cannot_be_written(text: str):
    """No text, and more than 65,535 bytes, are refused with the size."""
    with pytest.raises(LocalProtocolError, match=rf"text: got {len(text.encode())} bytes .*1 to 65535"):
        encrypt(text)


def test_what_is_no_text():
    """A lone surrogate has no bytes."""
    with pytest.raises(LocalProtocolError, match="lone surrogate"):
        encrypt("\ud800")


def test_no_public_key():
    """A point off the curve, and what is no hex, share no key with anybody."""
    for pubkey in ("f" * 64, "ab", "no hex", ""):
        with pytest.raises(InvalidKey, match="pubkey: got"):
            nip44.conversation_key(Secret(bytes([1] * 32)), pubkey)


@pytest.mark.parametrize("place", [1, 20, 32, 33, 40, 64, 65, 90, -32, -1])
def test_every_byte_is_guarded(place: int):
    """One changed bit of nonce, ciphertext or code is found out."""
    data = bytearray(base64.b64decode(encrypt("pay 10 to Ada")))
    data[place] ^= 1
    with pytest.raises(RemoteProtocolError, match="changed on its way"):
        nip44.decrypt(KEY, base64.b64encode(data).decode())


def test_another_key_does_not_open_it():
    """What was written for somebody else is told, not garbled."""
    other = key_with(OURS, nostr_sdk.Keys.generate())
    with pytest.raises(RemoteProtocolError, match="another key"):
        nip44.decrypt(other, encrypt("hello"))


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("", "got 0 characters"),
        ("A" * 131, "got 131 characters"),
        ("A" * 87_473, "got 87473 characters"),
        ("#" + "A" * 200, "later NIP-44 version"),
        ("é" * 200, "not base64"),
        ("A" * 133, "not base64"),
        ("!" * 200, "not base64"),
        (base64.b64encode(b"\x01" + bytes(120)).decode(), "version 1, want version 2"),
    ],
)
def test_what_is_no_payload(payload: str, words: str):
    """Sizes, alphabet and version are checked before anything is decrypted."""
    with pytest.raises(RemoteProtocolError, match=words):
        nip44.decrypt(KEY, payload)


@pytest.mark.parametrize(
    ("padded", "words"),
    [
        (bytes(34), "padding"),  # no text
        (b"\x00\x40" + bytes(32), "padding"),  # more text than there is
        (b"\x00\x01x" + bytes(63), "padding"),  # more padding than there should be
        (b"\x00\x01x" + bytes(30) + b"!", "padding"),  # a message beside the message
        (b"\x00\x02\xff\xfe" + bytes(30), "no UTF-8"),
    ],
)
def test_a_writer_of_our_own_key_that_breaks_the_format(
    padded: bytes, words: str, monkeypatch: pytest.MonkeyPatch
):
    """Authentic, but not as NIP-44 pads: refused, since two readings of one payload would be possible."""
    monkeypatch.setattr(nip44, "_pad", lambda text: padded)
    with pytest.raises(RemoteProtocolError, match=words):
        nip44.decrypt(KEY, nip44.encrypt(KEY, "any", bytes(32)))
