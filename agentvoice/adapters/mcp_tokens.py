"""The tokens of an agent's MCP servers: read for one session, kept nowhere else.

A token that cannot be read leaves its server out and is logged: the call goes on without it.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from agentvoice.config import read_secret
from agentvoice.core.engine import SessionConfig
from agentvoice.errors import ConfigError

log = structlog.get_logger(__name__)


def with_mcp_tokens(config: SessionConfig) -> SessionConfig:
    """Return the configuration with the tokens that its agent's servers name."""
    tokens: dict[str, str] = {}
    for server in config.agent.tools.mcp:
        if not server.authorization:
            continue
        name = f"tools.mcp {server.server_label}.authorization"
        try:
            tokens[server.server_label] = read_secret(name, server.authorization)
        except ConfigError as error:
            log.error("mcp_server_left_out", agent=config.agent.slug, error=str(error))
    return replace(config, mcp_tokens=tokens)
