"""The tools that a session's model is offered: handing over, the agent's own ones, MCP servers.

Both dialects declare them alike (`session.tools`, types `function` and `mcp`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentvoice.core.engine import HandoverTarget, SessionConfig
from agentvoice.core.handover import transfer_tool
from agentvoice.core.tool import (
    BUILTIN_PARAMETERS,
    NO_PARAMETERS,
    TOOL_CURRENT_TIME,
    TOOL_END_CALL,
    TOOL_NOTE,
    McpServer,
)

Declaration = dict[str, object]

DESCRIPTIONS = {
    TOOL_END_CALL: "End the call, after the caller has said goodbye and you have answered it.",
    TOOL_CURRENT_TIME: "Tell the date, the weekday and the time of day where you run.",
    TOOL_NOTE: "Write down a text that shall be found with the call later, such as a number or a decision.",
}
"""What the model reads of our own tools."""


def declare_tools(config: SessionConfig) -> list[Declaration]:
    """Return the declarations of a session's tools; a handover target is one each."""
    tools = config.agent.tools
    return [
        *map(_transfer, config.targets),
        *(_function(name, DESCRIPTIONS[name], BUILTIN_PARAMETERS[name]) for name in tools.builtin),
        *(_function(tool.name, tool.description.strip(), tool.parameters) for tool in tools.http),
        *(_mcp(server, config.mcp_tokens) for server in tools.mcp if _is_usable(server, config)),
    ]


def _transfer(target: HandoverTarget) -> Declaration:
    names = ", ".join((target.name, *target.aliases))
    about = f" {target.about.strip()}" if target.about.strip() else ""
    return _function(
        transfer_tool(target.slug),
        f"Hand the caller over to another agent, called {names}, when they ask for it or need it.{about}"
        " Say nothing more yourself after calling it.",
        NO_PARAMETERS,
    )


def _function(name: str, description: str, parameters: Mapping[str, Any]) -> Declaration:
    return {"type": "function", "name": name, "description": description, "parameters": parameters}


def _is_usable(server: McpServer, config: SessionConfig) -> bool:
    """Whether its token is there, if it wants one."""
    return not server.authorization or server.server_label in config.mcp_tokens


def _mcp(server: McpServer, tokens: Mapping[str, str]) -> Declaration:
    declaration: Declaration = {
        "type": "mcp",
        "server_label": server.server_label,
        "server_url": server.server_url,
        "require_approval": server.require_approval,
    }
    if server.authorization:
        declaration["authorization"] = tokens[server.server_label]
    if server.allowed_tools:
        declaration["allowed_tools"] = list(server.allowed_tools)
    return declaration
