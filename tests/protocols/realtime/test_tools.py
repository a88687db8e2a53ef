import re
from dataclasses import replace

from agentvoice.core.agent import MAX_SLUG_CHARS
from agentvoice.core.engine import HandoverTarget
from agentvoice.protocols.realtime.tools import declare_tools
from tests.fakes.realtime_agents import config_of


def test_each_target_is_a_tool_with_the_names_it_is_called_by():
    """The model knows whom it can hand over to, and that it can end the call."""
    transfer, end_call = declare_tools(config_of())
    assert (transfer["name"], end_call["name"]) == ("transfer_to_max", "end_call")
    assert "Max, Maximilian" in str(transfer["description"])
    assert "Knows about ships." in str(transfer["description"])


def test_an_agent_without_targets_can_only_end_the_call():
    """No target, no transfer tool."""
    [tool] = declare_tools(replace(config_of(), targets=()))
    assert tool["name"] == "end_call"


def test_the_longest_slug_fits_a_tool_name():
    """The vendor takes names of up to 64 letters, digits, - and _."""
    target = HandoverTarget("x" * (MAX_SLUG_CHARS - 2) + "-y", "X")
    tool, _ = declare_tools(replace(config_of(), targets=(target,)))
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", str(tool["name"]))
