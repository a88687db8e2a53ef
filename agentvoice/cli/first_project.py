"""The project that calls belong to when nobody made one."""

from __future__ import annotations

from agentvoice.cli.frame import Invocation
from agentvoice.cli.signing_keys import new_key
from agentvoice.core.project import Project
from agentvoice.storage.database import Database
from agentvoice.storage.keys import add_key
from agentvoice.storage.projects import create_project, list_projects


def ensure_project(invocation: Invocation, database: Database) -> None:
    """Make the settings' project, with a new key on the embedded relay, if there is no project at all."""
    with database.reading() as session:
        if list_projects(session):
            return
    slug = invocation.settings.project
    with new_key(invocation, f"project {slug}") as key, database.writing() as session:
        if list_projects(session):  # another process was quicker; its project stands
            return
        add_key(session, key)
        create_project(session, Project(slug=slug, title=slug, pubkey=key.pubkey), invocation.utc_ms())
