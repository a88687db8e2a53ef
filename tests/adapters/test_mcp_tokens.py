"""Tokens of MCP servers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentvoice.adapters.mcp_tokens import with_mcp_tokens
from agentvoice.core.engine import SessionConfig
from agentvoice.core.tool import AgentTools, McpServer
from tests.fakes.realtime_agents import config_of

DOCS = McpServer("docs", "https://mcp.example/sse", "env:DOCS_TOKEN")
OPEN = McpServer("open", "https://open.example/sse")


def config() -> SessionConfig:
    base = config_of()
    return replace(base, agent=replace(base.agent, tools=AgentTools(mcp=(DOCS, OPEN))))


def test_tokens_are_read_and_not_shown(monkeypatch: pytest.MonkeyPatch):
    """By the servers' labels; the agent keeps its references."""
    monkeypatch.setenv("DOCS_TOKEN", "a-token")
    read = with_mcp_tokens(config())
    assert read.mcp_tokens == {"docs": "a-token"}
    assert read.agent == config().agent
    assert "a-token" not in repr(read)


def test_a_missing_token_leaves_its_server_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The call goes on, and the log names what is missing."""
    monkeypatch.delenv("DOCS_TOKEN", raising=False)
    assert with_mcp_tokens(config()).mcp_tokens == {}
    assert "tools.mcp docs.authorization" in capsys.readouterr().out
