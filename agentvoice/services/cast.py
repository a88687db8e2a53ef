"""The cast of a call: agents as they are stored now, made into session configurations.

Nothing is cached: an edited agent is effective for the next call or handover.
"""

from __future__ import annotations

import asyncio

from agentvoice.core.agent import AgentProfile, AgentRevision
from agentvoice.core.engine import SessionConfig
from agentvoice.core.handover import handover_targets
from agentvoice.core.instructions import render_instructions
from agentvoice.core.project import Project
from agentvoice.errors import Refused
from agentvoice.storage import agents
from agentvoice.storage.database import Database


class Cast:
    """Gives the agents of one call's project."""

    def __init__(self, database: Database, project: Project) -> None:
        self._database = database
        self._project = project

    async def config_of(self, slug: str) -> tuple[AgentRevision, SessionConfig]:
        """Return the agent's latest revision and what a session is configured with.

        Raises NotFound, or Refused for a disabled agent.
        """
        revision, everyone = await asyncio.to_thread(self._load, slug)
        agent = revision.profile
        check_enabled(agent)
        targets = handover_targets(agent, tuple(other.profile for other in everyone))
        instructions = render_instructions(agent, self._project, targets)
        return revision, SessionConfig(agent, instructions, targets)

    def _load(self, slug: str) -> tuple[AgentRevision, tuple[AgentRevision, ...]]:
        with self._database.reading() as session:
            return agents.get_agent(session, slug), tuple(agents.list_agents(session))


def check_enabled(agent: AgentProfile) -> None:
    """Raise Refused for an agent that takes no calls."""
    if not agent.enabled:
        raise Refused(
            f"agent {agent.slug}: it is disabled; enable it with: agentvoice agent enable {agent.slug}"
        )
