"""Agents and their revisions. Every change is a new revision; calls remember which one spoke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from agentvoice.core.agent import AgentProfile, AgentRevision, check_agent
from agentvoice.errors import NotFound, UsageError
from agentvoice.storage.models import AgentRevisionRow, AgentRow

_PROFILE = msgspec.json.Decoder(AgentProfile)


def create_agent(session: Session, agent_id: str, profile: AgentProfile, now: int) -> AgentRevision:
    """Store a new agent as revision 1. Raises UsageError (not usable, or the slug is taken)."""
    check_agent(profile)
    if _find(session, profile.slug) is not None:
        raise UsageError(f"slug: got {profile.slug!r}, which exists: choose another, or edit that agent")
    session.add(AgentRow(id=agent_id, slug=profile.slug, revision=0, created_at=now, removed_at=0))
    session.flush()
    return _add_revision(session, profile, now)


def update_agent(session: Session, profile: AgentProfile, now: int) -> AgentRevision:
    """Store `profile` as the next revision of the agent with its slug, unless nothing changed.

    Raises UsageError or NotFound.
    """
    check_agent(profile)
    current = get_agent(session, profile.slug)
    return current if current.profile == profile else _add_revision(session, profile, now)


def set_agent_enabled(session: Session, slug: str, enabled: bool, now: int) -> AgentRevision:
    """Enable or disable an agent. Raises NotFound."""
    current = get_agent(session, slug)
    return update_agent(session, replace(current.profile, enabled=enabled), now)


def remove_agent(session: Session, slug: str, now: int) -> None:
    """Remove an agent; its revisions stay for the calls it spoke in. Raises NotFound."""
    row = _living(session, slug, for_update=True)
    row.removed_at = now


def get_agent(session: Session, slug: str) -> AgentRevision:
    """Return the agent as it is now. Raises NotFound."""
    row = _living(session, slug)
    return revision_value(session.get_one(AgentRevisionRow, (row.id, row.revision)))


def get_agent_revision(session: Session, slug: str, number: int) -> AgentRevision:
    """Return one revision of a living agent. Raises NotFound."""
    row = _living(session, slug)
    revision = session.get(AgentRevisionRow, (row.id, number))
    if revision is None:
        raise NotFound(f"agent {slug!r}: got revision {number}, there are 1 to {row.revision}")
    return revision_value(revision)


def list_agents(session: Session) -> tuple[AgentRevision, ...]:
    """Return all agents as they are now, disabled ones included, by slug."""
    rows = session.scalars(
        select(AgentRevisionRow)
        .join(AgentRow, AgentRow.id == AgentRevisionRow.agent_id)
        .where(AgentRow.removed_at == 0, AgentRow.revision == AgentRevisionRow.number)
        .order_by(AgentRow.slug)
    )
    return _values(rows.all())


def agent_history(session: Session, slug: str) -> tuple[AgentRevision, ...]:
    """Return every revision of a living agent, the oldest first. Raises NotFound."""
    row = _living(session, slug)
    revisions = session.scalars(
        select(AgentRevisionRow).where(AgentRevisionRow.agent_id == row.id).order_by(AgentRevisionRow.number)
    )
    return _values(revisions.all())


def _find(session: Session, slug: str, *, for_update: bool = False) -> AgentRow | None:
    query = select(AgentRow).where(AgentRow.slug == slug, AgentRow.removed_at == 0)
    return session.scalars(query.with_for_update() if for_update else query).one_or_none()


def _living(session: Session, slug: str, *, for_update: bool = False) -> AgentRow:
    row = _find(session, slug, for_update=for_update)
    if row is None:
        raise NotFound(f"agent {slug!r}: no such agent; `agentvoice agent list` shows them")
    return row


def _add_revision(session: Session, profile: AgentProfile, now: int) -> AgentRevision:
    row = _living(session, profile.slug, for_update=True)
    row.revision += 1
    text = msgspec.json.encode(profile).decode()
    revision = AgentRevisionRow(agent_id=row.id, number=row.revision, profile=text, created_at=now)
    session.add(revision)
    session.flush()
    return revision_value(revision)


def _values(rows: Sequence[AgentRevisionRow]) -> tuple[AgentRevision, ...]:
    return tuple(revision_value(row) for row in rows)


def revision_value(row: AgentRevisionRow) -> AgentRevision:
    """Return a stored revision as a core value."""
    profile = _PROFILE.decode(row.profile)
    return AgentRevision(row.agent_id, row.number, profile, row.created_at)
