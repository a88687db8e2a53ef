"""Agents and items for the tests of Realtime sessions."""

from __future__ import annotations

from typing import Any

from agentvoice.core.agent import ENGINE_OPENAI, AgentProfile
from agentvoice.core.engine import HandoverTarget, SessionConfig
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.openai_settings import OpenAISettings


def config_of(instructions: str = "You are Ada.", **openai: Any) -> SessionConfig:
    """Return the configuration of agent "ada", who may hand over to "max"."""
    agent = AgentProfile(
        slug="ada", name="Ada", engines=(ENGINE_OPENAI,), openai=OpenAISettings(**{"output": "text"} | openai)
    )
    target = HandoverTarget("max", "Max", ("Maximilian",), "Knows about ships.")
    return SessionConfig(agent, instructions, (target,))


def message(text: str, role: Role = Role.USER, number: int = 1) -> Item:
    """Return a finished message with an id of 32 hex digits."""
    return Item(
        id=f"{number:032x}",
        position=number,
        kind=ItemKind.MESSAGE,
        role=role,
        agent="ada",
        text=text,
        status=ItemStatus.COMPLETED,
    )
