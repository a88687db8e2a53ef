"""The one template that makes an agent's instructions for a call."""

from __future__ import annotations

from collections.abc import Sequence

from agentvoice.core.agent import AgentProfile
from agentvoice.core.engine import TOOL_TRANSFER_PREFIX, HandoverTarget
from agentvoice.core.project import Project

HOUSE_STYLE = """\
How you speak:
- This is a spoken conversation. What you write is read aloud: plain sentences, no lists, markup, links or emoji.
- Be conversational and concise: one or two short sentences, then let the caller speak.
- The caller may interrupt you at any time. Then answer what they said; do not start over.
- Say so when you do not know something or did not understand."""


def render_instructions(agent: AgentProfile, project: Project, targets: Sequence[HandoverTarget]) -> str:
    """Return the instructions of `agent` in a call of `project`, able to hand over to `targets`."""
    parts = [
        f"You are {agent.name}, an AI agent in a voice call of the project “{project.title}”.",
        agent.instructions.strip(),
        HOUSE_STYLE,
    ]
    if targets:
        lines = "\n".join(_target_line(target) for target in targets)
        parts.append(
            "You can hand the caller over to another agent. Do so when the caller asks for one,"
            f" or when one is clearly the better person to ask:\n{lines}"
        )
    return "\n\n".join(part for part in parts if part)


def _target_line(target: HandoverTarget) -> str:
    about = f", {target.about.strip()}" if target.about.strip() else ""
    heard_as = f" (also heard as {', '.join(target.aliases)})" if target.aliases else ""
    return f"- {target.name}{heard_as}{about}: {TOOL_TRANSFER_PREFIX}{target.slug}"
