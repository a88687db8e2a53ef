from __future__ import annotations

import nostr_sdk
import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.errors import InvalidKey
from agentvoice.protocols.nostr import nip19
from agentvoice.protocols.nostr.bech32 import encode_bech32

# NIP-19's own public examples.
NPUB = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg"
NPUB_HEX = "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e"


def test_the_standards_example():
    """NIP-19's npub is read and written."""
    assert nip19.decode_pubkey("--key", NPUB) == NPUB_HEX
    assert nip19.encode_npub(NPUB_HEX) == NPUB
    assert nip19.decode_pubkey("--key", f" nostr:{NPUB}\n") == NPUB_HEX
    assert nip19.decode_pubkey("--key", NPUB_HEX.upper()) == NPUB_HEX


def test_keys_agree_with_nostr_sdk():
    """npub, nsec and note are the same texts as an independent implementation's."""
    keys = nostr_sdk.Keys.generate()
    secret = nip19.decode_secret("nsec", keys.secret_key().to_bech32())
    assert secret.hex() == keys.secret_key().to_hex()
    assert nip19.encode_nsec(secret) == keys.secret_key().to_bech32()
    assert nip19.encode_npub(keys.public_key().to_hex()) == keys.public_key().to_bech32()
    event_id = "ab" * 32
    assert nip19.encode_note(event_id) == nostr_sdk.EventId.parse(event_id).to_bech32()
    assert nip19.decode_note("note", nip19.encode_note(event_id)) == event_id


def test_nevent_agrees_with_nostr_sdk():
    """A nevent with relays, author and kind is read by both sides."""
    pointer = nip19.EventPointer("ab" * 32, ("wss://one.example", "wss://two.example"), NPUB_HEX, 1)
    text = nip19.encode_nevent(pointer)
    theirs = nostr_sdk.Nip19Event.from_bech32(text)
    assert theirs.event_id().to_hex() == pointer.event_id
    assert [str(relay).rstrip("/") for relay in theirs.relays()] == list(pointer.relays)
    author, kind = theirs.author(), theirs.kind()
    assert author is not None and author.to_hex() == NPUB_HEX
    assert kind is not None and kind.as_u16() == 1
    assert nip19.decode_nevent("event", f"nostr:{text}") == pointer
    assert nip19.decode_nevent("event", theirs.to_bech32()).event_id == pointer.event_id


def test_nevent_leaves_out_what_does_not_fit():
    """A relay address beyond 255 bytes would break the format and is dropped."""
    text = nip19.encode_nevent(nip19.EventPointer("ab" * 32, ("wss://" + "x" * 300,)))
    assert nip19.decode_nevent("event", text) == nip19.EventPointer("ab" * 32)


def nevent_of(*parts: tuple[int, bytes]) -> str:
    return encode_bech32("nevent", b"".join(bytes((kind, len(value))) + value for kind, value in parts))


def test_unknown_parts_of_a_nevent_are_ignored():
    """NIP-19 may grow: parts we do not know, or of odd sizes, are passed over."""
    text = nevent_of((9, b"new"), (0, b"\xab" * 32), (2, b"short"), (3, b"\x01"))
    assert nip19.decode_nevent("event", text) == nip19.EventPointer("ab" * 32)


@pytest.mark.parametrize(
    "text", [nevent_of((1, b"x")), encode_bech32("nevent", b"\x00\x20\xab"), encode_bech32("nevent", b"\x00")]
)
def test_a_broken_nevent_is_refused(text: str):
    """Without an id, or cut off in the middle, it is no nevent."""
    with pytest.raises(InvalidKey, match="event: got a nevent"):
        nip19.decode_nevent("event", text)


def nsec() -> str:
    return KeySigner.generate().reveal()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (nsec, "got an nsec \\(a secret key\\), want an npub"),
        (lambda: "", "got nothing"),
        (lambda: NPUB[:-1], "checksum"),
        (lambda: NPUB[:-1] + "q", "checksum"),
        (lambda: "abcd", "got 4 hex digits, want 64"),
        (lambda: "f" * 65, "got 65 hex digits, want 64"),
        (lambda: "f" * 64, "no public key"),
        (lambda: "00" * 31 + "05", "no public key"),
        (lambda: "hello there", "not bech32"),
        (lambda: NPUB.replace("q", "Q"), "mixed"),
        (lambda: encode_bech32("npub", b"x" * 31), "got a npub of 31 bytes"),
        (lambda: nip19.encode_note("ab" * 32), "got a note"),
        (lambda: encode_bech32("lnbc", b"x" * 32), "got another kind of key"),
    ],
)
def test_each_wrong_public_key_has_its_own_line(given, words: str):
    """Errors name the field, what was got and what is wanted, and never repeat the text."""
    text = given()
    with pytest.raises(InvalidKey, match=f"--key: .*{words}") as caught:
        nip19.decode_pubkey("--key", text)
    assert len(text) < 20 or text not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: NPUB, "got an npub \\(a public key\\), want an nsec"),
        (lambda: nsec()[:-1], "checksum"),
        (lambda: "ab" * 31, "got 62 hex digits, want 64"),
        (lambda: "00" * 32, "out of secp256k1's range"),
        (lambda: "ff" * 32, "out of secp256k1's range"),
        (lambda: encode_bech32("ncryptsec", b"x" * 91), "got an ncryptsec"),
        (lambda: "", "got nothing"),
    ],
)
def test_each_wrong_secret_has_its_own_line(given, words: str):
    """An npub given as a secret, a bad checksum, short hex: each is told, none is repeated."""
    text = given()
    with pytest.raises(InvalidKey, match=f"nsec: .*{words}") as caught:
        nip19.decode_secret("nsec", text)
    assert not text or text not in str(caught.value)
    assert caught.value.__cause__ is None
