"""Signing keys: public keys, and references to where their secrets are. No secret is stored here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from agentvoice.errors import InvalidKey, NotFound, Refused, UsageError
from agentvoice.storage import agents, projects
from agentvoice.storage.models import KeyRow

_PUBKEY = re.compile(r"[0-9a-f]{64}")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|credential:[A-Za-z0-9_.@-]+|file:[^\x00-\x1f]+")
# A secret pasted where its reference belongs, even inside a path.
_SECRET = re.compile(r"nsec1[a-z0-9]{20,}|ncryptsec1|(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key we can sign with. `reference` is `env:NAME`, `credential:NAME` or `file:PATH`; `pubkey` 64 digit hex."""

    pubkey: str
    npub: str
    reference: str
    label: str
    created_at: int  # UTC ms


def add_key(session: Session, key: StoredKey) -> None:
    """Store a key; the same key again is no error.

    Raises InvalidKey (no public key), UsageError (no reference, or known under another one). The
    messages never quote the reference: somebody may have pasted a secret.
    """
    _check_key(key)
    row = session.get(KeyRow, key.pubkey)
    if row is None:
        session.add(
            KeyRow(
                pubkey=key.pubkey,
                npub=key.npub,
                reference=key.reference,
                label=key.label,
                created_at=key.created_at,
            )
        )
        session.flush()
    elif row.reference != key.reference:
        raise UsageError(f"reference: {key.npub} is known under another reference: remove that key first")


def get_key(session: Session, name: str) -> StoredKey:
    """Return the key of a hex public key or npub. Raises NotFound."""
    return _value(_row(session, name))


def list_keys(session: Session) -> tuple[StoredKey, ...]:
    """Return all keys, the oldest first."""
    rows = session.scalars(select(KeyRow).order_by(KeyRow.created_at, KeyRow.pubkey))
    return tuple(_value(row) for row in rows)


def remove_key(session: Session, name: str) -> StoredKey:
    """Forget a key and return it; its secret stays where it is.

    Raises NotFound, or Refused while an agent or project signs with it.
    """
    row = _row(session, name)
    for revision in agents.list_agents(session):
        if revision.profile.pubkey == row.pubkey:
            raise Refused(f"key {row.npub}: agent {revision.profile.slug!r} signs with it")
    for project in projects.list_projects(session):
        if row.pubkey in (project.pubkey, project.caller_pubkey):
            raise Refused(f"key {row.npub}: project {project.slug!r} signs with it")
    key = _value(row)
    session.delete(row)
    session.flush()
    return key


def _check_key(key: StoredKey) -> None:
    if not _PUBKEY.fullmatch(key.pubkey):
        raise InvalidKey("pubkey: got no public key, want 64 lowercase hex digits")
    if not key.npub.startswith("npub1"):
        raise InvalidKey("npub: got no npub, want npub1…")
    if not _REFERENCE.fullmatch(key.reference) or _SECRET.search(key.reference):
        raise UsageError(
            "reference: got a value that is no reference, want env:NAME, credential:NAME or file:PATH"
        )


def _row(session: Session, name: str) -> KeyRow:
    row = session.scalars(select(KeyRow).where(or_(KeyRow.pubkey == name, KeyRow.npub == name))).one_or_none()
    if row is None:
        # Never quoted: somebody may have typed the secret key.
        raise NotFound("key: no such key; `agentvoice key list` shows them by npub")
    return row


def _value(row: KeyRow) -> StoredKey:
    return StoredKey(row.pubkey, row.npub, row.reference, row.label, row.created_at)
