"""What an engine is to the floors above it: its capabilities, and what its sessions are configured with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agentvoice.core.agent import AgentProfile
from agentvoice.core.tool import TOOL_END_CALL as TOOL_END_CALL
from agentvoice.core.tool import TOOL_TRANSFER_PREFIX as TOOL_TRANSFER_PREFIX


class BillsBy(StrEnum):
    """What the engine's provider charges for."""

    NOTHING = "nothing"
    TOKENS = "tokens"
    DURATION = "duration"


@dataclass(frozen=True, slots=True)
class EngineCapabilities:
    """What an engine can change in a live session; feeds core.handover.plan_handover.

    `server_turn_taking`: the session finds the turns and starts replies by itself.
    `aligned_transcript`: text deltas come exactly before the audio that speaks them.
    `max_session_s`: the provider ends a session at this age; 0: never.
    """

    voice_fixed_after_audio: bool
    model_fixed: bool
    instructions_mutable: bool
    server_turn_taking: bool
    tools: bool
    bills_by: BillsBy
    aligned_transcript: bool
    max_session_s: float = 0.0


@dataclass(frozen=True, slots=True)
class HandoverTarget:
    """An agent the caller may be handed to, with the names it is called by."""

    slug: str
    name: str
    aliases: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """All that a session is configured with: the agent, its rendered instructions, its targets.

    `mcp_tokens`: the secrets of the agent's MCP servers, by label. The adapter that speaks to the
    provider reads them for one session; they are stored nowhere and shown nowhere.
    """

    agent: AgentProfile
    instructions: str
    targets: tuple[HandoverTarget, ...] = ()
    mcp_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
