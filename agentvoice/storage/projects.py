"""Projects."""

from __future__ import annotations

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from agentvoice.core.call import CallState, PublicationState
from agentvoice.core.project import Project, check_project
from agentvoice.errors import NotFound, Refused, UsageError
from agentvoice.storage.models import CallRow, ProjectRow

_UNFINISHED = (PublicationState.REVIEW, PublicationState.QUEUED, PublicationState.PARTIAL)

_PROJECT = msgspec.json.Decoder(Project)


def create_project(session: Session, project: Project, now: int, *, policy_given: bool = True) -> None:
    """Store a new project. Raises UsageError (not usable, or the slug is taken).

    `policy_given`: as of core.project.check_project.
    """
    check_project(project, policy_given=policy_given)
    if session.get(ProjectRow, project.slug) is not None:
        raise UsageError(f"slug: got {project.slug!r}, which exists: choose another, or edit that project")
    session.add(
        ProjectRow(
            slug=project.slug,
            pubkey=project.pubkey,
            settings=_text(project),
            created_at=now,
            updated_at=now,
        )
    )
    session.flush()


def update_project(session: Session, project: Project, now: int) -> None:
    """Store the project's new settings; live calls keep the policy they began with.

    Raises UsageError or NotFound.
    """
    check_project(project, policy_given=True)
    row = _row(session, project.slug)
    row.pubkey, row.settings, row.updated_at = project.pubkey, _text(project), now
    session.flush()


def get_project(session: Session, slug: str) -> Project:
    """Return a project. Raises NotFound."""
    return _value(_row(session, slug))


def list_projects(session: Session) -> tuple[Project, ...]:
    """Return all projects by slug."""
    return tuple(_value(row) for row in session.scalars(select(ProjectRow).order_by(ProjectRow.slug)))


def remove_project(session: Session, slug: str) -> None:
    """Remove a project; its calls stay. Raises NotFound, or Refused while one needs it."""
    row = _row(session, slug)
    in_need = session.scalars(
        select(CallRow.id)
        .where(
            CallRow.project == slug,
            or_(CallRow.state != CallState.ENDED, CallRow.publication.in_(_UNFINISHED)),
        )
        .limit(1)
    ).first()
    if in_need is not None:
        raise Refused(f"project {slug!r}: call {in_need} is live or not yet published")
    session.delete(row)
    session.flush()


def _row(session: Session, slug: str) -> ProjectRow:
    row = session.get(ProjectRow, slug)
    if row is None:
        raise NotFound(f"project {slug!r}: no such project; `agentvoice project list` shows them")
    return row


def _text(project: Project) -> str:
    return msgspec.json.encode(project).decode()


def _value(row: ProjectRow) -> Project:
    return _PROJECT.decode(row.settings)
