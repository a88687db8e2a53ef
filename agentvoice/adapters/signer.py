"""Signing with a key held in this process, and verifying what others signed (pynostr inside).

pynostr's traps stay in here: its keys print their secret, it signs what no relay takes, and its
events ignore the id they are given. Nothing here shows a secret in repr, str or a traceback.
"""

from __future__ import annotations

import secrets
from functools import partial
from typing import NoReturn

from coincurve import PublicKeyXOnly
from pynostr.event import Event
from pynostr.key import PrivateKey

from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.secret import Secret
from agentvoice.protocols.nostr import nip44, nip49
from agentvoice.protocols.nostr.nip01 import check_author, check_unsigned, event_id
from agentvoice.protocols.nostr.nip19 import KEY_BYTES, decode_secret, encode_npub, encode_nsec


class KeySigner:
    """A core.ports.Signer over a secret key. Make one by `generate` or `from_text`."""

    __slots__ = ("_key", "_pubkey")

    def __init__(self, secret: bytes) -> None:
        self._key = PrivateKey(secret)
        self._pubkey: str = self._key.public_key.hex()

    @classmethod
    def generate(cls) -> KeySigner:
        """Return a signer with a new key of the kernel's random source."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_text(cls, field: str, text: str | Secret[str]) -> KeySigner:
        """Return the signer of an nsec or of 64 hex digits; raises InvalidKey naming `field`."""
        if isinstance(text, str):
            text = Secret(text)  # from here on no variable of ours holds it in clear
        return cls(text.open_to(partial(decode_secret, field)))

    @property
    def pubkey(self) -> str:
        """Hex public key it signs as."""
        return self._pubkey

    @property
    def npub(self) -> str:
        """The public key for people."""
        return encode_npub(self._pubkey)

    async def sign(self, event: UnsignedEvent) -> SignedEvent:
        """Return the signed event.

        Raises InvalidKey if `event.pubkey` is not ours, LocalProtocolError if no relay would take it.
        """
        check_author(event, self._pubkey)
        check_unsigned(event)
        digest = event_id(event)
        return SignedEvent(
            id=digest,
            pubkey=event.pubkey,
            created_at=event.created_at,
            kind=event.kind,
            tags=event.tags,
            content=event.content,
            sig=self._key.sign(bytes.fromhex(digest)).hex(),
        )

    async def encrypt(self, pubkey: str, text: str) -> str:
        """Return `text` encrypted to `pubkey` (NIP-44 v2).

        Raises InvalidKey (no public key) or LocalProtocolError (empty, or too long).
        """
        return nip44.encrypt(self._shared_with(pubkey), text, secrets.token_bytes(nip44.NONCE_BYTES))

    async def decrypt(self, pubkey: str, payload: str) -> str:
        """Return the text that `pubkey` encrypted to us (NIP-44 v2).

        Raises InvalidKey (no public key) or RemoteProtocolError.
        """
        return nip44.decrypt(self._shared_with(pubkey), payload)

    def _shared_with(self, pubkey: str) -> Secret[bytes]:
        return nip44.conversation_key(Secret(self._key.raw_secret), pubkey)

    def reveal(self) -> str:
        """Return the nsec: for the key file and `key show --reveal` only."""
        return encode_nsec(self._key.raw_secret)

    def seal(self, passphrase: Secret[str]) -> str:
        """Return the ncryptsec of the key (NIP-49). It takes a third of a second: not on an event loop."""
        salt, nonce = secrets.token_bytes(nip49.SALT_BYTES), secrets.token_bytes(nip49.NONCE_BYTES)
        return nip49.encrypt_secret(Secret(self._key.raw_secret), passphrase, salt, nonce)

    def __repr__(self) -> str:
        return f"KeySigner({self.npub[:12]}…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a KeySigner is not pickled: its secret stays in this process")


def find_forgery(event: SignedEvent) -> str:
    """Return what is wrong with the event, empty if its id and signature hold.

    The id is computed by pynostr, not by the code that built the event.
    """
    tags = [list(tag) for tag in event.tags]
    try:
        fields = Event(event.content, event.pubkey, event.created_at, event.kind, tags)
        has_its_id = fields.id == event.id
    except UnicodeEncodeError:  # a lone surrogate: no id can be computed, so it has none
        has_its_id = False
    if not has_its_id:
        return f"event {event.id[:12]}…: its fields give another id"
    try:
        key = PublicKeyXOnly(bytes.fromhex(event.pubkey))
        holds = key.verify(bytes.fromhex(event.sig), bytes.fromhex(event.id))
    except ValueError:  # no point of the curve, or not 64 bytes
        holds = False
    return "" if holds else f"event {event.id[:12]}…: the signature is not its author's"
