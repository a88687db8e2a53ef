"""The project that calls belong to when nobody made one."""

from __future__ import annotations

from collections.abc import Sequence

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
        if _has_project(list_projects(session), slug):
            return
    with new_key(invocation, f"project {slug}") as key, database.writing() as session:
        if _has_project(list_projects(session), slug):  # another process was quicker; its project stands
            return
        add_key(session, key)
        create_project(session, Project(slug=slug, title=slug, pubkey=key.pubkey), invocation.utc_ms())


def _has_project(projects: Sequence[Project], slug: str) -> bool:
    """Whether `slug` is there, or one of the operator's own; calls are not meant for the demo's."""
    slugs = {each.slug for each in projects}
    return slug in slugs or bool(slugs - {DEMO_PROJECT})
