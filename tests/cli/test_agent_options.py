"""The options that describe an agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.cli.agent_options import apply_options, assign, is_given
from agentvoice.core.agent import AgentProfile
from agentvoice.core.tool import AgentTools, HttpTool
from agentvoice.errors import UsageError
from tests.cli.conftest import Cli


def test_add_takes_every_option(cli: Cli, home: Path):
    """What is given on the command line or in files is what is stored."""
    (home.parent / "text").write_text("You are Ada.\nBe kind.\n")
    cli("agent", "add", "max")
    answer = cli(
        "agent", "add", "ada", "--name", "Ada L.", "--instructions", f"@{home.parent}/text", "--greeting", "@@home",
        "--about", "help", "--alias", "Eda", "--alias", "Ida", "--engine", "openai", "--engine", "local",
        "--voice", "cedar", "--model", "gpt-realtime-mini", "--handover-to", "max",
        "--set", "local.silence_ms=700", "--set", "openai.turn_detection.create_response=no", "--json",
    )  # fmt: skip
    shown = answer.document
    assert (shown["name"], shown["instructions"], shown["greeting"]) == (
        "Ada L.",
        "You are Ada.\nBe kind.",
        "@home",
    )
    assert (shown["aliases"], shown["engines"], shown["handover_to"]) == (
        ["Eda", "Ida"],
        ["openai", "local"],
        ["max"],
    )
    assert (shown["openai"]["voice"], shown["openai"]["model"]) == ("cedar", "gpt-realtime-mini")
    assert shown["local"]["silence_ms"] == 700
    assert shown["openai"]["turn_detection"]["create_response"] is False
    assert cli("agent", "show", "ada", "--json").document == {**shown, "profile": []}


def test_a_list_is_replaced_as_a_whole():
    """What is given for a list is the whole new list; what is not given stays."""
    options = dict.fromkeys(("name", "instructions", "greeting", "about", "picture", "voice", "model"))
    options |= {"aliases": ("B",), "engines": (), "handover_to": (), "assignments": ()}
    profile = AgentProfile(slug="a", name="A", aliases=("C", "D"), handover_to=("max",))
    assert is_given(options)
    assert apply_options(profile, options) == AgentProfile(
        slug="a", name="A", aliases=("B",), handover_to=("max",)
    )


def test_voice_and_model_belong_to_the_preferred_engine():
    """`--voice` of a local agent is a local voice, `--model` its LLM."""
    profile = AgentProfile(slug="a", name="A")
    assert assign(profile, "local.llm.model=x").local.llm.model == "x"
    assert assign(profile, "aliases=x, y").aliases == ("x", "y")


def test_tools_are_chosen_by_name_and_edited_as_tables():
    """Lists of names are set like others; a list of tables has no place on a command line."""
    profile = AgentProfile(slug="a", name="A", tools=AgentTools(http=(HttpTool("t", "T", "https://x/"),)))
    changed = assign(profile, "tools.builtin=note, end_call").tools
    assert (changed.builtin, changed.http) == (("note", "end_call"), profile.tools.http)
    assert assign(profile, "tools.allowed_hosts=x").tools.allowed_hosts == ("x",)
    with pytest.raises(
        UsageError, match=r"^--set: tools\.http: got text, want tables: `agentvoice agent edit"
    ):
        assign(profile, "tools.http=x")


@pytest.mark.parametrize("key", ["slug", "pubkey", "local", "local.llm", ""])
def test_what_is_no_setting_cannot_be_set(key: str):
    """Neither the slug nor the key nor a whole table is set by `--set`."""
    with pytest.raises(UsageError, match="unknown setting"):
        assign(AgentProfile(slug="a", name="A"), f"{key}=x")
