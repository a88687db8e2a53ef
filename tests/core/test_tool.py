"""Tools of an agent: what may be declared, and what is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agentvoice.core.tool import (
    AgentTools,
    HttpTool,
    McpServer,
    check_tools,
    placeholders,
    split_reference,
)
from agentvoice.errors import UsageError

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array"}},
    "required": ["city"],
}
WEATHER = HttpTool(
    "weather",
    "Weather in a city",
    "https://api.example/v1/{city}?units=metric",
    headers={"Authorization": "Bearer env:WEATHER_KEY", "Accept": "application/json"},
    parameters=CITY,
)
DOCS = McpServer("docs", "https://mcp.example/sse", "credential:docs-token", ("search",))


def http(**changes: Any) -> AgentTools:
    return AgentTools(http=(replace(WEATHER, **changes),))


def mcp(**changes: Any) -> AgentTools:
    return AgentTools(mcp=(replace(DOCS, **changes),))


@pytest.mark.parametrize(
    "tools",
    [
        AgentTools(),
        AgentTools(builtin=()),
        AgentTools(("note",), ("api.example", "mcp.example"), (WEATHER,), (DOCS,)),
        http(url="http://127.0.0.1:8080/{city}", method="POST", headers={"X-Api-Key": "file:/run/key"}),
        http(url="https://api.example", parameters={"type": "object"}, headers={"X-Key": "credential:k"}),
        mcp(authorization="", allowed_tools=(), require_approval="always"),
    ],
)
def test_usable_tools_are_taken(tools: AgentTools):
    """With secrets by reference, on hosts that are allowed."""
    check_tools(tools)


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        (AgentTools(builtin=("fly",)), "tools.builtin: got 'fly', want one of end_call, current_time, note"),
        (AgentTools(builtin=("note", "note")), "tools.builtin: got 'note' twice, want each once"),
        (AgentTools(allowed_hosts=("https://x",)), "tools.allowed_hosts: got 'https://x', want host names"),
        (AgentTools(allowed_hosts=("API.example",)), "tools.allowed_hosts: got 'API.example'"),
        (AgentTools(http=(WEATHER, WEATHER)), "tools.http: name: got 'weather' twice, want each once"),
        (AgentTools(http=(WEATHER,) * 65), "tools.http: got 65, want at most 64"),
        (http(name="what is it"), "tools.http[0].name: got 'what is it', want 1 to 64 of a-z"),
        (http(name="x" * 65), "tools.http[0].name: got 'xxx"),
        (http(name="note"), "tools.http[0].name: got 'note', want a name that no tool of ours has"),
        (http(name="transfer_to_max"), "tools.http[0].name: got 'transfer_to_max', want a name"),
        (http(description=" "), "tools.http[0].description: got 0 characters, want 1 to 2000"),
        (http(method="HEAD"), "tools.http[0].method: got 'HEAD', want one of GET, POST, PUT, PATCH, DELETE"),
        (http(timeout_s=0.0), "tools.http[0].timeout_s: got 0.0, want up to 120"),
        (http(timeout_s=121.0), "tools.http[0].timeout_s: got 121.0, want up to 120"),
        (http(max_result_chars=99), "tools.http[0].max_result_chars: got 99, want 100 to 32000"),
        (
            http(parameters={"type": "string"}),
            "tools.http[0].parameters.type: got the text 'string', want object",
        ),
        (http(url=""), "tools.http[0].url: got no address of its own, want https://host/path"),
        (http(url="https://x y/"), "tools.http[0].url: got no address of its own"),
        (http(url="https://x:notaport/"), "tools.http[0].url: got no address of its own"),
        (http(url="https://[::1"), "tools.http[0].url: got no address of its own"),
        (http(url="https://x/" + "y" * 2_000), "tools.http[0].url: got no address of its own"),
        (http(url="http://api.example/"), "tools.http[0].url: got http://api.example, want https://"),
        (http(url="ftp://127.0.0.1/"), "tools.http[0].url: got ftp://127.0.0.1, want https://"),
        (http(url="https://x/#part"), "tools.http[0].url: got a fragment"),
        (http(url="https://x/{town}"), "tools.http[0].url: got {town}, want a required parameter"),
        (http(url="https://x/{days}"), "tools.http[0].url: got {days}, want a required parameter"),
        (http(url="https://x/?q={city}"), "tools.http[0].url: got braces, want {argument} in its path only"),
        (http(url="https://{city}/"), "tools.http[0].url: got braces"),
        (http(url="https://x/{city"), "tools.http[0].url: got braces"),
        (
            replace(http(), allowed_hosts=("other.example",)),
            "tools.http[0].url: got the host api.example, want one of allowed_hosts: other.example",
        ),
        (http(headers={"Bad Name": "x"}), "tools.http[0].headers: got the header 'Bad Name', want one"),
        (http(headers={"Host": "x"}), "tools.http[0].headers: got the header 'Host', want one"),
        (http(headers={"Accept": "a\r\nb"}), "tools.http[0].headers.Accept: got no line of ASCII"),
        (http(headers={"Accept": "a" * 1_001}), "tools.http[0].headers.Accept: got no line of ASCII"),
        (AgentTools(mcp=(DOCS, DOCS)), "tools.mcp: server_label: got 'docs' twice, want each once"),
        (mcp(server_label=""), "tools.mcp[0].server_label: got '', want 1 to 64"),
        (
            mcp(server_url="http://mcp.example"),
            "tools.mcp[0].server_url: got http://mcp.example, want https://",
        ),
        (mcp(allowed_tools=("a b",)), "tools.mcp[0].allowed_tools: got 'a b', want 1 to 64"),
        (
            mcp(require_approval="maybe"),
            "tools.mcp[0].require_approval: got 'maybe', want one of never, always",
        ),
        (AgentTools(mcp=(DOCS,) * 17), "tools.mcp: got 17, want at most 16"),
    ],
)
def test_unusable_tools_are_refused_by_field(tools: AgentTools, message: str):
    """The first wrong field is named, with what was got and what is wanted."""
    with pytest.raises(UsageError) as refused:
        check_tools(tools)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("tools", "field"),
    [
        (http(headers={"Authorization": "sk-SECRET"}), "tools.http[0].headers.Authorization"),
        (http(headers={"Authorization": "Bearer sk-SECRET"}), "tools.http[0].headers.Authorization"),
        (http(headers={"X-Api-Key": "SECRET"}), "tools.http[0].headers.X-Api-Key"),
        (http(headers={"Cookie": "id=SECRET"}), "tools.http[0].headers.Cookie"),
        (http(headers={"X-Custom": "Bearer SECRET"}), "tools.http[0].headers.X-Custom"),
        (http(headers={"X-Custom": "env:sk-SECRET"}), "tools.http[0].headers.X-Custom"),
        (http(url="https://me:SECRET@api.example/"), "tools.http[0].url"),
        (http(url="https://api.example/?api_key=SECRET"), "tools.http[0].url"),
        (http(url="https://api.example/?access-token=SECRET"), "tools.http[0].url"),
        (mcp(authorization="SECRET"), "tools.mcp[0].authorization"),
        (mcp(authorization="env:sk-SECRET"), "tools.mcp[0].authorization"),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(tools: AgentTools, field: str):
    """It is refused by the name of its field."""
    with pytest.raises(UsageError) as refused:
        check_tools(tools)
    assert str(refused.value).startswith(f"{field}: got ")
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "split"),
    [
        ("env:NAME", ("", "env:NAME")),
        ("Bearer env:NAME", ("Bearer ", "env:NAME")),
        ("file:/a path/key", ("", "file:/a path/key")),
        ("Bearer file:/a path/key", ("Bearer ", "file:/a path/key")),
        ("Token credential:x", ("Token ", "credential:x")),
        ("application/json", None),
        ("env:", None),
        ("see env:sk-1", None),
    ],
)
def test_references_are_found_in_header_values(value: str, split: tuple[str, str] | None):
    """Alone, or after the word that an Authorization header begins with."""
    assert split_reference(value) == split


def test_tools_are_found_and_named():
    """HTTP tools by their name; the operator sees all of them."""
    tools = AgentTools(("note",), (), (WEATHER,), (DOCS,))
    assert (tools.find_http("weather"), tools.find_http("note")) == (WEATHER, None)
    assert tools.names == ("note", "weather", "mcp:docs")
    assert placeholders("https://x/{a}/{b}/{a}") == ("a", "b")
