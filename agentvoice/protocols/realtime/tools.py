"""The tools that a session's model is offered: handing over and ending the call.

Both dialects declare them alike (`session.tools`, type `function`).
"""

from __future__ import annotations

from agentvoice.core.engine import TOOL_END_CALL, HandoverTarget, SessionConfig
from agentvoice.core.handover import transfer_tool

Declaration = dict[str, object]


def declare_tools(config: SessionConfig) -> list[Declaration]:
    """Return the function declarations of a session: one per handover target, and `end_call`."""
    return [*map(_transfer, config.targets), _end_call()]


def _transfer(target: HandoverTarget) -> Declaration:
    names = ", ".join((target.name, *target.aliases))
    about = f" {target.about.strip()}" if target.about.strip() else ""
    return _function(
        transfer_tool(target.slug),
        f"Hand the caller over to another agent, called {names}, when they ask for it or need it.{about}"
        " Say nothing more yourself after calling it.",
    )


def _end_call() -> Declaration:
    return _function(
        TOOL_END_CALL, "End the call, after the caller has said goodbye and you have answered it."
    )


def _function(name: str, description: str) -> Declaration:
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    return {"type": "function", "name": name, "description": description, "parameters": parameters}
