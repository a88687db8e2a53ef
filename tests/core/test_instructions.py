"""The template of an agent's instructions."""

from __future__ import annotations

from agentvoice.core.agent import AgentProfile
from agentvoice.core.engine import HandoverTarget
from agentvoice.core.instructions import HOUSE_STYLE, render_instructions
from agentvoice.core.project import Project

ADA = AgentProfile(slug="ada", name="Ada", instructions="  You know the garden.\n")
PROJECT = Project(slug="home", title="Our home", pubkey="ab" * 32)


def test_it_says_who_where_what_and_how():
    """Name, project title, the operator's own words and the house style stand in this order."""
    text = render_instructions(ADA, PROJECT, ())
    places = [text.index(part) for part in ("Ada", "Our home", "You know the garden.", HOUSE_STYLE)]
    assert places == sorted(places)


def test_without_targets_no_handover_is_offered():
    """An agent that can hand over to nobody is not told of tools it does not have."""
    assert "hand" not in render_instructions(ADA, PROJECT, ())


def test_targets_are_named_with_their_tool_and_aliases():
    """Each target's line has its name, what it is heard as, what it is for, and the tool."""
    target = HandoverTarget("max", "Max", aliases=("Macks", "Marks"), about="the technical expert")
    text = render_instructions(ADA, PROJECT, (target,))
    assert "- Max (also heard as Macks, Marks), the technical expert: transfer_to_max" in text


def test_an_agent_without_instructions_leaves_no_gap():
    """Empty parts leave no empty paragraphs."""
    text = render_instructions(AgentProfile(slug="b", name="Bo"), PROJECT, ())
    assert "\n\n\n" not in text
