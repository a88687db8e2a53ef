"""Handover: can the running session become the other agent, or is a new one needed?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agentvoice.core.agent import ENGINE_OPENAI, AgentProfile
from agentvoice.core.engine import TOOL_TRANSFER_PREFIX, EngineCapabilities, HandoverTarget
from agentvoice.errors import CallError


class HandoverPlan(StrEnum):
    """How the agent is switched."""

    IN_PLACE = "in_place"
    NEW_SESSION = "new_session"


@dataclass(frozen=True, slots=True)
class Speaker:
    """An agent on an engine: what decides whether a session can be kept."""

    engine: str
    model: str
    voice: str


def speaker_of(agent: AgentProfile, engine: str) -> Speaker:
    """Return what of `agent` a session on `engine` is bound to."""
    if engine == ENGINE_OPENAI:
        return Speaker(engine, agent.openai.model, agent.openai.voice)
    return Speaker(engine, agent.local.llm.model, agent.local.voice)


def plan_handover(
    now: Speaker, then: Speaker, capabilities: EngineCapabilities, *, has_spoken: bool
) -> HandoverPlan:
    """Decide how to switch from `now` to `then`.

    In place when the engine stays, its instructions can change, a fixed model is the same and a
    voice that is fixed after the first audio is the same or has not spoken yet
    (`cannot_update_voice`). `has_spoken`: the session has sent audio.
    """
    if now.engine != then.engine or not capabilities.instructions_mutable:
        return HandoverPlan.NEW_SESSION
    if capabilities.model_fixed and now.model != then.model:
        return HandoverPlan.NEW_SESSION
    if capabilities.voice_fixed_after_audio and has_spoken and now.voice != then.voice:
        return HandoverPlan.NEW_SESSION
    return HandoverPlan.IN_PLACE


def transfer_tool(slug: str) -> str:
    """Return the name of the tool that hands over to `slug`."""
    return TOOL_TRANSFER_PREFIX + slug


def transfer_target(tool_name: str) -> str | None:
    """Return the slug that a transfer tool names, None for any other tool."""
    if not tool_name.startswith(TOOL_TRANSFER_PREFIX):
        return None
    return tool_name.removeprefix(TOOL_TRANSFER_PREFIX)


def handover_targets(agent: AgentProfile, others: tuple[AgentProfile, ...]) -> tuple[HandoverTarget, ...]:
    """Return the enabled agents that `agent` may hand over to (all of them if it names none)."""
    return tuple(
        HandoverTarget(other.slug, other.name, other.aliases, other.about)
        for other in others
        if other.slug != agent.slug
        and other.enabled
        and (not agent.handover_to or other.slug in agent.handover_to)
    )


def check_handover(slug: str, agent: AgentProfile, targets: tuple[HandoverTarget, ...]) -> None:
    """Raise CallError unless `agent` may be switched to `slug`."""
    if slug == agent.slug:
        raise CallError(f"handover: {agent.name} is speaking already")
    allowed = [target.slug for target in targets]
    if slug not in allowed:
        wanted = ", ".join(allowed) or "nobody"
        raise CallError(f"handover: {agent.slug} cannot hand over to {slug!r}; it can to {wanted}")
