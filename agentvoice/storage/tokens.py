"""Tokens: who may come in. Only digests are stored; a token itself is seen once, by whoever made it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from agentvoice.core.client import Scope
from agentvoice.core.token import is_token, token_digest, token_id
from agentvoice.errors import NotFound, UsageError
from agentvoice.storage.models import SignInRow, TokenRow

MAX_NAME_CHARS = 80


class TokenState(StrEnum):
    """Where a token stands."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token as it is known: `expires_at` and `revoked_at` are UTC ms, 0 for never."""

    id: str
    name: str
    scope: Scope
    created_at: int
    expires_at: int = 0
    revoked_at: int = 0

    def state_at(self, now_ms: int) -> TokenState:
        """Return where it stands."""
        if self.revoked_at:
            return TokenState.REVOKED
        return TokenState.EXPIRED if 0 < self.expires_at <= now_ms else TokenState.VALID


def add_token(
    session: Session, token: str, name: str, scope: Scope, created_at: int, expires_at: int = 0
) -> StoredToken:
    """Store a new token's digest and return what is known of it; raises UsageError for its name."""
    if not name.strip() or not name.isprintable() or len(name) > MAX_NAME_CHARS:
        raise UsageError(
            f"name: got {name[:MAX_NAME_CHARS]!r}, want 1 to {MAX_NAME_CHARS} printable characters"
        )
    row = TokenRow(
        id=token_id(token),
        name=name,
        digest=token_digest(token),
        scope=scope,
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=0,
    )
    session.add(row)
    session.flush()
    return token_of(row)


def find_token(session: Session, token: str) -> StoredToken | None:
    """Return what is known of a token, None if it was not made here. It may have expired, or be revoked."""
    row = session.get(TokenRow, token_id(token))
    return token_of(row) if row is not None and is_token(token, row.digest) else None


def find_tokens(session: Session, ids: Collection[str]) -> dict[str, StoredToken]:
    """Return the tokens of these ids; those that were deleted are not among them."""
    return {row.id: token_of(row) for row in session.scalars(select(TokenRow).where(TokenRow.id.in_(ids)))}


def list_tokens(session: Session) -> tuple[StoredToken, ...]:
    """Return all tokens, the oldest first."""
    rows = session.scalars(select(TokenRow).order_by(TokenRow.created_at, TokenRow.id))
    return tuple(token_of(row) for row in rows)


def has_tokens(session: Session) -> bool:
    """Whether any token was made. One that expired or was revoked counts: neither opens the door."""
    return session.scalars(select(TokenRow.id).limit(1)).first() is not None


def revoke_token(session: Session, id: str, now_ms: int) -> StoredToken:
    """Let a token, and every browser that signed in with it, in no longer; raises NotFound."""
    row = _row(session, id)
    row.revoked_at = row.revoked_at or now_ms
    return token_of(row)


def forget_token(session: Session, id: str) -> StoredToken:
    """Delete a token, and every sign-in by it; raises NotFound."""
    row = _row(session, id)
    session.execute(delete(SignInRow).where(SignInRow.token_id == id))
    session.delete(row)
    session.flush()
    return token_of(row)


def token_of(row: TokenRow) -> StoredToken:
    """Return the token of a row."""
    return StoredToken(row.id, row.name, Scope(row.scope), row.created_at, row.expires_at, row.revoked_at)


def _row(session: Session, id: str) -> TokenRow:
    row = session.get(TokenRow, id)
    if row is None:
        # Never quoted: somebody may have typed the token itself.
        raise NotFound("token: no such token; `agentvoice token list` shows their ids")
    return row
