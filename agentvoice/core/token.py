"""Tokens: what a client shows to be let in. Tokens that people carry and a browser's cookie have one form.

`av_<id>_<secret>`: the id finds the row, the secret is 256 random bits. The database has the SHA-256 of
the whole. A slow hash with a salt would protect nothing here: such hashes hold up guessing of what people
choose, and nobody guesses 256 random bits; a slow hash would only make each request slow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

ID_BYTES = 6
SECRET_BYTES = 32
RANDOM_BYTES = ID_BYTES + SECRET_BYTES

ID_CHARS = 12
DIGEST_CHARS = 64

_FORM = re.compile(r"av_([0-9a-f]{12})_[A-Za-z0-9_-]{43}", re.ASCII)


def build_token(random: bytes) -> str:
    """Return a new token made of RANDOM_BYTES random bytes."""
    secret = urlsafe_b64encode(random[ID_BYTES:]).rstrip(b"=").decode()
    return f"av_{random[:ID_BYTES].hex()}_{secret}"


def token_id(token: str) -> str:
    """Return the part that may be shown, "" for what is no token."""
    form = _FORM.fullmatch(token)
    return form[1] if form else ""


def token_digest(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_token(token: str, digest: str) -> bool:
    """Whether the digest is this token's; how long that takes says nothing of where they differ."""
    return hmac.compare_digest(token_digest(token), digest)
