import json
import re
from dataclasses import replace

from agentvoice.core.agent import MAX_SLUG_CHARS
from agentvoice.core.engine import HandoverTarget, SessionConfig
from agentvoice.core.speech import Configure
from agentvoice.core.tool import AgentTools, HttpTool, McpServer
from agentvoice.protocols.realtime.ga import GA
from agentvoice.protocols.realtime.tools import declare_tools
from tests.fakes.realtime_agents import config_of
from tests.fakes.realtime_oracle import check_client_frame


def test_each_target_is_a_tool_with_the_names_it_is_called_by():
    """The model knows whom it can hand over to, and that it can end the call."""
    transfer, end_call, _ = declare_tools(config_of())
    assert (transfer["name"], end_call["name"]) == ("transfer_to_max", "end_call")
    assert "Max, Maximilian" in str(transfer["description"])
    assert "Knows about ships." in str(transfer["description"])


def with_tools(tools: AgentTools, **tokens: str) -> SessionConfig:
    """Ada with these tools and nobody to hand over to."""
    config = config_of()
    return replace(config, agent=replace(config.agent, tools=tools), targets=(), mcp_tokens=tokens)


def declared(config: SessionConfig) -> list[dict[str, object]]:
    """The tools in the frame that configures a session; the vendor's types take it."""
    frame = GA.encode_command(Configure(config), "evt_1")
    assert frame is not None
    check_client_frame(frame)
    tools: list[dict[str, object]] = json.loads(frame)["session"]["tools"]
    return tools


def test_an_agent_without_targets_has_no_transfer_tool():
    """No target, no transfer; ending the call and telling the time are there by default."""
    assert [tool["name"] for tool in declared(with_tools(AgentTools()))] == ["end_call", "current_time"]
    assert declared(with_tools(AgentTools(builtin=()))) == []


def test_every_built_in_tool_is_described():
    """The model reads what each is for, and which arguments it takes."""
    [note] = declared(with_tools(AgentTools(builtin=("note",))))
    assert "Write down" in str(note["description"])
    assert note["parameters"]["required"] == ["text"]  # type: ignore[index] # a schema


def test_an_http_tool_is_a_function():
    """With the operator's words and schema; where it leads is nobody's business."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    weather = HttpTool(
        "weather", " Weather. ", "https://x/{city}", headers={"X-Key": "env:K"}, parameters=schema
    )
    assert declared(with_tools(AgentTools(builtin=(), http=(weather,)))) == [
        {"type": "function", "name": "weather", "description": "Weather.", "parameters": schema}
    ]


def test_mcp_servers_are_passed_on_with_their_tokens():
    """The vendor's own fields; a server whose token is missing is left out."""
    docs = McpServer("docs", "https://mcp.example/sse", "env:T", ("search",), "always")
    open_one = McpServer("open", "https://open.example/sse")
    config = with_tools(AgentTools((), mcp=(docs, open_one)), docs="a-token")
    entry = {"type": "mcp", "server_label": "open", "server_url": "https://open.example/sse"}
    assert declared(config) == [
        {
            "type": "mcp",
            "server_label": "docs",
            "server_url": "https://mcp.example/sse",
            "require_approval": "always",
            "authorization": "a-token",
            "allowed_tools": ["search"],
        },
        {**entry, "require_approval": "never"},
    ]
    assert declared(replace(config, mcp_tokens={})) == [{**entry, "require_approval": "never"}]
    assert "a-token" not in repr(config) + repr(Configure(config))


def test_the_longest_slug_fits_a_tool_name():
    """The vendor takes names of up to 64 letters, digits, - and _."""
    target = HandoverTarget("x" * (MAX_SLUG_CHARS - 2) + "-y", "X")
    tool, *_ = declare_tools(replace(config_of(), targets=(target,)))
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", str(tool["name"]))
