"""Browsers that signed in: by a token, or as an npub. What they may do is looked up anew each time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from agentvoice.core.token import is_token, token_digest, token_id
from agentvoice.storage.models import SignInRow, TokenRow
from agentvoice.storage.tokens import StoredToken, TokenState, token_of
from agentvoice.storage.upsert import insert_missing

KEPT_MS = 24 * 3_600_000
"""How long one that has run out is kept: what it opened may go on so long."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """By what a browser signed in: one of `token` and `npub` is given."""

    token: StoredToken | None
    npub: str | None
    expires_at: int


def add_sign_in(
    session: Session,
    cookie: str,
    *,
    token: StoredToken | None = None,
    npub: str | None = None,
    proof: str | None = None,
    now_ms: int,
    expires_at: int,
) -> bool:
    """Store the cookie's digest; False if a sign-in with this `proof` (an event's id) was there before.

    Those that ran out KEPT_MS ago are deleted on the way. A proof must be too old to be shown again before its
    sign-in is over.
    """
    session.execute(delete(SignInRow).where(SignInRow.expires_at <= now_ms - KEPT_MS))
    values = {
        "id": token_id(cookie),
        "digest": token_digest(cookie),
        "token_id": token.id if token else None,
        "npub": npub,
        "proof": proof,
        "created_at": now_ms,
        "expires_at": expires_at,
        "ended_at": 0,
    }
    return insert_missing(session, SignInRow, values)


def find_sign_in(session: Session, cookie: str, now_ms: int) -> SignIn | None:
    """Return the sign-in of a cookie; None for none, and for one that ended or whose token did."""
    row = _row(session, cookie)
    return find_sign_ins(session, [row.id], now_ms).get(row.id) if row is not None else None


def find_sign_ins(
    session: Session, ids: Collection[str], now_ms: int, *, ran_out_ms: int = 0
) -> dict[str, SignIn]:
    """Return the sign-ins of these ids that are good now; the others are not among them.

    `ran_out_ms`: so long ago may they have run out, if their token has not.
    """
    found = session.execute(
        select(SignInRow, TokenRow)
        .outerjoin(TokenRow, SignInRow.token_id == TokenRow.id)
        .where(SignInRow.id.in_(ids), SignInRow.ended_at == 0, SignInRow.expires_at > now_ms - ran_out_ms)
    )
    signed_in = ((row, token_of(token) if row.token_id else None) for row, token in found)
    return {
        row.id: SignIn(token, row.npub, row.expires_at)
        for row, token in signed_in
        if token is None or token.state_at(now_ms) is TokenState.VALID
    }


def end_sign_in(session: Session, cookie: str, now_ms: int) -> None:
    """Sign a browser out. The row stays until it would have expired, so that its proof serves no second time."""
    row = _row(session, cookie)
    if row is not None and not row.ended_at:
        row.ended_at = now_ms


def _row(session: Session, cookie: str) -> SignInRow | None:
    row = session.get(SignInRow, token_id(cookie))
    return row if row is not None and is_token(cookie, row.digest) else None
