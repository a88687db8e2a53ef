"""NIP-44 version 2: text between two keys, encrypted so that others see its rough length only.

The nonce is an argument: 32 bytes of the kernel's random source, never twice under one key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

from coincurve import PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey, LocalProtocolError, RemoteProtocolError

NONCE_BYTES = 32
MAX_TEXT_BYTES = 65_535

_VERSION = 2
_SALT = b"nip44-v2"
_MAC_BYTES = 32
_LENGTH_BYTES = 2
_MIN_PADDED_BYTES = 32
_FEW_BYTES = 256
"""Up to here padding goes by 32 bytes; above, by an eighth of the next power of two."""

_MIN_PAYLOAD_CHARS = 132
_MAX_PAYLOAD_CHARS = 87_472
_EVEN_Y = b"\x02"  # NIP-01's public keys are x only; either y gives the same shared x
_COUNTER = bytes(4)  # of RFC 8439's ChaCha20, first in the library's nonce


@dataclass(frozen=True, slots=True, repr=False)
class _MessageKeys:
    """What one message is encrypted and authenticated with."""

    cipher_key: bytes
    cipher_nonce: bytes
    mac_key: bytes

    def encipher(self, data: bytes) -> bytes:
        """Encrypt or decrypt: ChaCha20 is its own inverse."""
        return Cipher(ChaCha20(self.cipher_key, _COUNTER + self.cipher_nonce), None).encryptor().update(data)

    def authenticate(self, nonce: bytes, ciphertext: bytes) -> bytes:
        return hmac.digest(self.mac_key, nonce + ciphertext, hashlib.sha256)


def conversation_key(secret: Secret[bytes], pubkey: str) -> Secret[bytes]:
    """Return the key that `secret`'s owner and `pubkey` (hex) share; it is the same from either side.

    Raises InvalidKey if `pubkey` is none.
    """
    try:
        point = PublicKey(_EVEN_Y + bytes.fromhex(pubkey))
    except ValueError:
        raise InvalidKey(f"pubkey: got {pubkey[:12]!a}…, want a public key in hex") from None
    return Secret(hmac.digest(_SALT, point.multiply(secret.reveal()).format()[1:], hashlib.sha256))


def encrypt(key: Secret[bytes], text: str, nonce: bytes) -> str:
    """Return the payload of `text` under a conversation key.

    Raises LocalProtocolError for a text that is empty, longer than 65,535 bytes, or no Unicode.
    """
    padded = _pad(text)
    keys = _message_keys(key, nonce)
    ciphertext = keys.encipher(padded)
    mac = keys.authenticate(nonce, ciphertext)
    return base64.b64encode(bytes((_VERSION,)) + nonce + ciphertext + mac).decode()


def decrypt(key: Secret[bytes], payload: str) -> str:
    """Return the text of a payload; raises RemoteProtocolError saying why it cannot be read."""
    data = _decode_payload(payload)
    nonce, mac = data[1 : 1 + NONCE_BYTES], data[-_MAC_BYTES:]
    ciphertext = data[1 + NONCE_BYTES : -_MAC_BYTES]
    keys = _message_keys(key, nonce)
    if not hmac.compare_digest(keys.authenticate(nonce, ciphertext), mac):
        raise RemoteProtocolError("payload: was changed on its way, or was written for another key")
    return _unpad(keys.encipher(ciphertext))


def padded_length(length: int) -> int:
    """Return how many bytes a text of `length` bytes is padded to, its length prefix not counted."""
    if length <= _MIN_PADDED_BYTES:
        return _MIN_PADDED_BYTES
    next_power: int = 1 << (length - 1).bit_length()
    chunk = _MIN_PADDED_BYTES if next_power <= _FEW_BYTES else next_power // 8
    return -(-length // chunk) * chunk


def payload_chars(length: int) -> int:
    """Return the characters of the payload of a text of `length` bytes."""
    data_bytes = 1 + NONCE_BYTES + _LENGTH_BYTES + padded_length(length) + _MAC_BYTES
    return 4 * -(-data_bytes // 3)


def _message_keys(key: Secret[bytes], nonce: bytes) -> _MessageKeys:
    """Expand (HKDF, RFC 5869) the conversation key: 76 bytes, three blocks of SHA-256."""
    blocks, block = b"", b""
    for counter in (1, 2, 3):
        block = hmac.digest(key.reveal(), block + nonce + bytes((counter,)), hashlib.sha256)
        blocks += block
    return _MessageKeys(blocks[:32], blocks[32:44], blocks[44:76])


def _pad(text: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise LocalProtocolError("text: got a lone surrogate, want Unicode") from None
    if not 0 < len(data) <= MAX_TEXT_BYTES:
        raise LocalProtocolError(f"text: got {len(data)} bytes to encrypt, want 1 to {MAX_TEXT_BYTES}")
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data.ljust(padded_length(len(data)), b"\0")


def _unpad(padded: bytes) -> str:
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    data = padded[_LENGTH_BYTES : _LENGTH_BYTES + length]
    is_whole = length > 0 and len(padded) == _LENGTH_BYTES + padded_length(length)
    if not is_whole or any(padded[_LENGTH_BYTES + length :]):
        raise RemoteProtocolError("payload: its padding is not NIP-44's")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError("payload: holds bytes that are no UTF-8") from None


def _decode_payload(payload: str) -> bytes:
    if payload.startswith("#"):  # reserved by NIP-44 for encodings to come
        raise RemoteProtocolError("payload: is of a later NIP-44 version, want version 2")
    if not _MIN_PAYLOAD_CHARS <= len(payload) <= _MAX_PAYLOAD_CHARS:
        raise RemoteProtocolError(
            f"payload: got {len(payload)} characters, want {_MIN_PAYLOAD_CHARS} to {_MAX_PAYLOAD_CHARS}"
        )
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise RemoteProtocolError("payload: is not base64") from None
    if data[0] != _VERSION:
        raise RemoteProtocolError(f"payload: is of NIP-44 version {data[0]}, want version {_VERSION}")
    return data
