from __future__ import annotations

import copy
import pickle
import traceback
from dataclasses import replace

import nostr_sdk
import pytest

from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.core.event import UnsignedEvent
from agentvoice.core.ports import Signer
from agentvoice.errors import InvalidKey, LocalProtocolError, RemoteProtocolError
from agentvoice.protocols.nostr.nip01 import encode_event


@pytest.fixture
def signer() -> KeySigner:
    return KeySigner.generate()


def unsigned(signer: KeySigner, **changes: object) -> UnsignedEvent:
    event = UnsignedEvent(signer.pubkey, 1_700_000_000, 1, (("t", "x"),), "hello")
    return replace(event, **changes)  # type: ignore[arg-type]  # fields of UnsignedEvent, by name


async def test_what_it_signs_holds_for_others(signer: KeySigner):
    """An independent implementation verifies id and signature; so do we."""
    port: Signer = signer
    event = await port.sign(unsigned(signer))
    assert nostr_sdk.Event.from_json(encode_event(event)).verify()
    assert find_forgery(event) == ""


async def test_it_signs_for_itself_only(signer: KeySigner):
    """An event of another pubkey is refused."""
    with pytest.raises(InvalidKey, match=r"event\.pubkey"):
        await signer.sign(unsigned(KeySigner.generate()))


async def test_it_signs_nothing_malformed(signer: KeySigner):
    """What pynostr would sign, but no relay take, is refused before."""
    with pytest.raises(LocalProtocolError, match="created_at"):
        await signer.sign(unsigned(signer, created_at=1.5))
    with pytest.raises(LocalProtocolError):
        await signer.sign(unsigned(signer, content="\ud800"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"content": "hello!"}, "another id"),
        ({"id": "0" * 64}, "another id"),
        ({"tags": (("t", "y"),)}, "another id"),
        ({"created_at": 1}, "another id"),
        ({"sig": "0" * 128}, "signature"),
        ({"sig": "ab"}, "signature"),
    ],
)
async def test_every_forgery_is_found(signer: KeySigner, changes: dict[str, object], words: str):
    """A changed field, a claimed id and a foreign signature are each told."""
    event = await signer.sign(unsigned(signer))
    assert words in find_forgery(replace(event, **changes))  # type: ignore[arg-type]  # fields by name


async def test_text_that_no_id_can_be_computed_of_is_a_forgery(signer: KeySigner):
    """A relay may answer with lone surrogates under an id of ours; that is told, not raised."""
    event = await signer.sign(unsigned(signer))
    assert "another id" in find_forgery(replace(event, content="\ud800"))


async def test_another_authors_signature_is_a_forgery(signer: KeySigner):
    """Swapping the author with a fresh id does not make the signature theirs."""
    other_signer = KeySigner.generate()
    mine, theirs = await signer.sign(unsigned(signer)), await other_signer.sign(unsigned(other_signer))
    assert "signature" in find_forgery(replace(theirs, sig=mine.sig))


def test_keys_come_and_go_as_nsec(signer: KeySigner):
    """What reveal shows makes the same signer again; so do hex digits."""
    assert KeySigner.from_text("key", signer.reveal()).pubkey == signer.pubkey
    theirs = nostr_sdk.Keys.parse(signer.reveal())
    assert theirs.public_key().to_hex() == signer.pubkey
    assert theirs.public_key().to_bech32() == signer.npub
    assert KeySigner.from_text("key", theirs.secret_key().to_hex()).npub == signer.npub


def test_two_new_keys_differ():
    """Keys come from the kernel's random source."""
    assert KeySigner.generate().pubkey != KeySigner.generate().pubkey


def secret_forms(signer: KeySigner) -> list[str]:
    nsec = signer.reveal()
    secret = nostr_sdk.Keys.parse(nsec).secret_key().to_hex()
    return [nsec, secret, repr(bytes.fromhex(secret))]


def test_nothing_shows_the_secret(signer: KeySigner):
    """Neither repr, str, format nor a list of its attributes holds any form of the secret."""
    shown = f"{signer} {signer!r} {[signer]} {vars(signer) if hasattr(signer, '__dict__') else ''}"
    assert not [form for form in secret_forms(signer) if form in shown]
    assert signer.npub[:12] in shown


def test_it_cannot_be_copied_out(signer: KeySigner):
    """Pickling, and with it sending to another process, is refused."""
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(signer)
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(signer)


@pytest.mark.parametrize(
    "spoil",
    [lambda nsec: nsec[:-1], lambda nsec: nsec + "q", lambda nsec: nsec[:-1] + "Q", lambda nsec: nsec[5:]],
)
def test_a_mistyped_secret_is_not_in_the_traceback(signer: KeySigner, spoil):
    """An error about a secret tells what is wrong without a piece of it."""
    text = spoil(signer.reveal())
    with pytest.raises(InvalidKey) as caught:
        KeySigner.from_text("nsec", text)
    shown = "".join(traceback.format_exception(caught.value))
    assert text[6:30] not in shown
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", ["x", "Grüße", "y" * 65_535])
async def test_it_encrypts_for_another(signer: KeySigner, text: str):
    """The other's signer reads it, and an independent library does; each payload is new."""
    other = KeySigner.generate()
    port: Signer = signer
    payload = await port.encrypt(other.pubkey, text)
    assert await other.decrypt(signer.pubkey, payload) == text
    theirs = nostr_sdk.Keys.parse(other.reveal()).secret_key()
    assert nostr_sdk.nip44_decrypt(theirs, nostr_sdk.PublicKey.parse(signer.pubkey), payload) == text
    assert await signer.encrypt(other.pubkey, text) != payload


async def test_what_it_cannot_encrypt_or_decrypt(signer: KeySigner):
    """Each error is one of ours: no text, no payload, no public key."""
    with pytest.raises(LocalProtocolError, match="text: got 0 bytes"):
        await signer.encrypt(signer.pubkey, "")
    with pytest.raises(RemoteProtocolError, match="payload"):
        await signer.decrypt(signer.pubkey, "nothing")
    with pytest.raises(InvalidKey, match="pubkey"):
        await signer.encrypt("f" * 64, "hello")
