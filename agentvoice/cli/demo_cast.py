"""Who is in the demo: a project and two agents, made on the first run and then left alone."""

from __future__ import annotations

from agentvoice.cli.frame import Invocation
from agentvoice.cli.signing_keys import new_key
from agentvoice.config.bundled import bundled_folder
from agentvoice.core.project import Project
from agentvoice.errors import NotFound
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.protocols.profile_toml import decode_profile
from agentvoice.storage import agents, projects
from agentvoice.storage.database import Database
from agentvoice.storage.keys import add_key

PROJECT = "demo"
FIRST_AGENT = "ada"
SECOND_AGENT = "max"


def ensure_cast(invocation: Invocation, database: Database) -> None:
    """Make what is missing; agents and a project of these names that exist are used as they are."""
    _ensure_project(invocation, database)
    for slug in (FIRST_AGENT, SECOND_AGENT):
        _ensure_agent(invocation, database, slug)


def _ensure_project(invocation: Invocation, database: Database) -> None:
    try:
        with database.reading() as session:
            projects.get_project(session, PROJECT)
    except NotFound:
        with new_key(invocation, f"project {PROJECT}") as key, database.writing() as session:
            add_key(session, key)
            project = Project(slug=PROJECT, title="agentvoice demo", pubkey=key.pubkey)
            projects.create_project(session, project, invocation.utc_ms())


def _ensure_agent(invocation: Invocation, database: Database, slug: str) -> None:
    try:
        with database.reading() as session:
            agents.get_agent(session, slug)
    except NotFound:
        path = bundled_folder("config") / "agents" / f"{slug}.toml"
        profile = decode_profile(path.read_text(encoding="utf-8"), path.name).profile
        with new_key(invocation, f"agent {slug}") as key, database.writing() as session:
            add_key(session, key)
            agents.create_agent(
                session, invocation.new_id(), profile.with_pubkey(key.pubkey), invocation.utc_ms()
            )


def npubs_of_agents(database: Database) -> dict[str, str]:
    """Return the npub of each of the two agents, by slug."""
    with database.reading() as session:
        return {
            slug: encode_npub(agents.get_agent(session, slug).profile.pubkey)
            for slug in (FIRST_AGENT, SECOND_AGENT)
        }


def names_of_signers(database: Database) -> dict[str, str]:
    """Return the name of everybody who may sign in the demo's thread, by npub."""
    with database.reading() as session:
        project = projects.get_project(session, PROJECT)
    names = {npub: slug for slug, npub in npubs_of_agents(database).items()}
    return {encode_npub(project.pubkey): f"project {PROJECT}", **names}
