"""The project that calls belong to when nobody made one."""

from __future__ import annotations

from agentvoice.cli.demo_cast import PROJECT as DEMO_PROJECT
from agentvoice.cli.frame import Invocation
from agentvoice.cli.signing_keys import new_key
from agentvoice.core.project import Project
from agentvoice.storage.database import Database
from agentvoice.storage.keys import add_key
from agentvoice.storage.projects import create_project, list_projects


def ensure_project(invocation: Invocation, database: Database) -> None:
    """Make the settings' project, with a new key on the embedded relay, if there is none but the demo's."""
    slug = invocation.settings.project
    with database.reading() as session:
        if _has_project(session, slug):
            return
    with new_key(invocation, f"project {slug}") as key, database.writing() as session:
        if _has_project(session, slug):  # another process was quicker; its project stands
            return
        add_key(session, key)
        create_project(session, Project(slug=slug, title=slug, pubkey=key.pubkey), invocation.utc_ms())


def _has_project(session: Session, slug: str) -> bool:
    """Whether `slug` or a project of the operator's exists; the demo's is not what a call would go to."""
    return any(each.slug in (slug, each.slug) and (each.slug == slug or each.slug != DEMO_PROJECT) for each in list_projects(session))
