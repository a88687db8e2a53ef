"""NIP-49: a secret key encrypted with a passphrase, as `ncryptsec1…`.

Salt and nonce are arguments. Deriving the key from the passphrase takes as long and as much memory
as its writer chose (`log_n`; 16: a third of a second, 64 MiB): never on an event loop.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey
from agentvoice.protocols.nostr.bech32 import decode_bech32, encode_bech32
from agentvoice.protocols.nostr.nip19 import KEY_BYTES

PREFIX = "ncryptsec"
SALT_BYTES = 16
NONCE_BYTES = 24
LOG_N = 16
"""Work of scrypt for keys we encrypt: 64 MiB of memory (NIP-49's table)."""
MAX_LOG_N = 20
"""Most work that we do for a key of others: 1 GiB of memory. More would let a pasted text fell the daemon."""

_VERSION = 2
_BLOCK_SIZE = 8  # scrypt's r, by NIP-49
_TAG_BYTES = 16
_TOTAL_BYTES = 1 + 1 + SALT_BYTES + NONCE_BYTES + 1 + KEY_BYTES + _TAG_BYTES
_HANDLING_UNKNOWN = b"\x02"
"""NIP-49's key security byte: this client does not know how the key was handled before."""


@dataclass(frozen=True, slots=True)
class EncryptedKey:
    """What an ncryptsec holds."""

    log_n: int
    salt: bytes
    nonce: bytes
    handling: bytes
    ciphertext: bytes


def encrypt_secret(
    secret: Secret[bytes], passphrase: Secret[str], salt: bytes, nonce: bytes, log_n: int = LOG_N
) -> str:
    """Return the ncryptsec of a secret key under a passphrase."""
    ciphertext = crypto_aead_xchacha20poly1305_ietf_encrypt(
        secret.reveal(), _HANDLING_UNKNOWN, nonce, _derive(passphrase, salt, log_n).reveal()
    )
    head = bytes((_VERSION, log_n)) + salt + nonce + _HANDLING_UNKNOWN
    return encode_bech32(PREFIX, head + ciphertext)


def decrypt_secret(field: str, text: str, passphrase: Secret[str]) -> Secret[bytes]:
    """Return the secret key of an ncryptsec.

    Raises InvalidKey naming `field`: no ncryptsec, more work than MAX_LOG_N, or a wrong passphrase.
    """
    sealed = decode_ncryptsec(field, text)
    key = _derive(passphrase, sealed.salt, sealed.log_n)
    try:
        return Secret(
            crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed.ciphertext, sealed.handling, sealed.nonce, key.reveal()
            )
        )
    except CryptoError:
        pass  # raised below: the library's frame holds the derived key
    raise InvalidKey(f"{field}: the passphrase is wrong, want the one this key was encrypted with")


def decode_ncryptsec(field: str, text: str) -> EncryptedKey:
    """Return what an ncryptsec holds, still encrypted; raises InvalidKey naming `field`."""
    try:
        prefix, data = decode_bech32(text.strip())
    except ValueError as error:
        raise InvalidKey(f"{field}: {error}; want an ncryptsec") from None
    if prefix != PREFIX:
        raise InvalidKey(f"{field}: got another kind of key, want an ncryptsec")
    if len(data) != _TOTAL_BYTES or data[0] != _VERSION:
        raise InvalidKey(f"{field}: got an ncryptsec of an unknown form, want NIP-49's version {_VERSION}")
    log_n, rest = data[1], data[2:]
    if not 1 <= log_n <= MAX_LOG_N:
        raise InvalidKey(
            f"{field}: got an ncryptsec of log_n {log_n}, want 1 to {MAX_LOG_N} (1 GiB of memory)"
        )
    salt, rest = rest[:SALT_BYTES], rest[SALT_BYTES:]
    nonce, rest = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
    return EncryptedKey(log_n, salt, nonce, rest[:1], rest[1:])


def _derive(passphrase: Secret[str], salt: bytes, log_n: int) -> Secret[bytes]:
    cost = 1 << log_n
    memory = 128 * _BLOCK_SIZE * (cost + 2)  # RFC 7914: V, and B and T beside it
    return Secret(
        hashlib.scrypt(
            unicodedata.normalize("NFKC", passphrase.reveal()).encode(),
            salt=salt,
            n=cost,
            r=_BLOCK_SIZE,
            p=1,
            maxmem=2 * memory,
            dklen=KEY_BYTES,
        )
    )
