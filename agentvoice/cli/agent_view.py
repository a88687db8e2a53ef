"""How commands show an agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentvoice.cli.frame import Invocation
from agentvoice.cli.output import fields, moment, note, paragraph
from agentvoice.core.agent import AgentProfile, AgentRevision
from agentvoice.core.handover import handover_targets
from agentvoice.core.instructions import render_instructions
from agentvoice.core.project import Project
from agentvoice.errors import NotFound
from agentvoice.services.agent_document import document_of

if TYPE_CHECKING:  # commands that show no agent must not wait for the database library
    from agentvoice.storage.profiles import ProfileDelivery


def render_agent(invocation: Invocation, session: Any, profile: AgentProfile, project: str | None) -> str:
    """Return the instructions as an engine gets them; raises NotFound for a project that was named."""
    from agentvoice.storage.agents import list_agents
    from agentvoice.storage.projects import get_project

    slug = project or invocation.settings.project
    try:
        shown = get_project(session, slug)
    except NotFound:
        if project:
            raise
        shown = Project(slug=slug, title=slug, pubkey="")  # none is made yet: the first call makes it
        note(f"project {slug} does not exist yet; its slug stands for its title")
    targets = handover_targets(profile, tuple(other.profile for other in list_agents(session)))
    return render_instructions(profile, shown, targets)


def describe_agent(revision: AgentRevision, published: Sequence[ProfileDelivery] = ()) -> str:
    """Return the agent for people to read; `published`: where its profile stands on Nostr."""
    profile, document = revision.profile, document_of(revision)
    head = {
        "slug": profile.slug,
        "name": profile.name,
        "aliases": profile.aliases,
        "about": profile.about,
        "picture": profile.picture,
        "engines": profile.engines,
        "voice (local)": profile.local.voice or "default",
        "voice (openai)": profile.openai.voice,
        "model (openai)": profile.openai.model,
        "hands over to": profile.handover_to or "every enabled agent",
        "tools": profile.tools.names or "none",
        "enabled": profile.enabled,
        "npub": document["npub"],
        "profile": [_standing(each) for each in published] or "at no relay yet",
        "revision": f"{revision.number}, {moment(revision.created_at)}",
        "greeting": profile.greeting,
    }
    return f"{fields(head)}\n\n{paragraph(profile.instructions) or '(no instructions)'}"


def _standing(found: ProfileDelivery) -> str:
    words = f" ({found.last_answer})" if found.last_answer else ""
    return f"{found.state.value} at {found.relay}{words}"
