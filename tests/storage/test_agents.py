from __future__ import annotations

from dataclasses import replace

import pytest

from agentvoice.core.agent import LocalSettings, StageSettings
from agentvoice.core.tool import AgentTools, HttpTool, McpServer
from agentvoice.errors import NotFound, UsageError
from agentvoice.storage import agents
from agentvoice.storage.database import Database
from tests.storage.values import NOW, hex_id, profile


def add(database: Database, slug: str, number: int = 1, **changes):
    with database.writing() as session:
        return agents.create_agent(session, hex_id(number), profile(slug, **changes), NOW)


def test_a_profile_is_read_as_it_was_written(database: Database):
    """Every field comes back, nested settings and odd characters included."""
    written = profile(
        "ada",
        aliases=("Ada L.", "\N{PARTY POPPER}"),
        instructions='quotes " and \\ and\nlines',
        engines=("openai", "local"),
        handover_to=("max",),
        pubkey="cd" * 32,
        local=LocalSettings(voice="f2", silence_ms=700, llm=StageSettings(url="http://127.0.0.1:1/v1")),
        tools=AgentTools(
            builtin=("note",),
            http=(
                HttpTool(
                    "weather",
                    "Weather",
                    "https://api.example/{city}",
                    headers={"Authorization": "Bearer env:KEY"},
                    parameters={
                        "type": "object",
                        "properties": {"city": {"type": "string", "default": None}},
                        "required": ["city"],
                    },
                ),
            ),
            mcp=(McpServer("docs", "https://mcp.example", "env:TOKEN", ("search",)),),
        ),
    )
    with database.writing() as session:
        agents.create_agent(session, hex_id(1), written, NOW)
    with database.reading() as session:
        revision = agents.get_agent(session, "ada")
    assert (revision.profile, revision.agent_id, revision.number, revision.created_at) == (
        written,
        hex_id(1),
        1,
        NOW,
    )


def test_each_change_is_a_revision(database: Database):
    """Editing, disabling and enabling each keep what was before; the newest is what is got."""
    add(database, "ada")
    with database.writing() as session:
        agents.update_agent(session, profile(name="Ada Two"), NOW + 1)
        agents.set_agent_enabled(session, "ada", False, NOW + 2)
        agents.set_agent_enabled(session, "ada", True, NOW + 3)
    with database.reading() as session:
        history = agents.agent_history(session, "ada")
        assert agents.get_agent(session, "ada") == history[-1]
        assert agents.get_agent_revision(session, "ada", 3) == history[2]
    assert [(revision.number, revision.profile.name, revision.profile.enabled) for revision in history] == [
        (1, "Ada", True),
        (2, "Ada Two", True),
        (3, "Ada Two", False),
        (4, "Ada Two", True),
    ]


def test_an_unchanged_profile_makes_no_revision(database: Database):
    """Importing the same profile again leaves the history alone."""
    first = add(database, "ada")
    with database.writing() as session:
        assert agents.update_agent(session, first.profile, NOW + 1) == first


def test_agents_are_listed_by_slug(database: Database):
    """Disabled agents are in the list, removed ones are not."""
    for number, slug in enumerate(("max", "ada", "zoe")):
        add(database, slug, number)
    with database.writing() as session:
        agents.set_agent_enabled(session, "max", False, NOW)
        agents.remove_agent(session, "zoe", NOW)
    with database.reading() as session:
        listed = agents.list_agents(session)
    assert [(revision.profile.slug, revision.number) for revision in listed] == [("ada", 1), ("max", 2)]


def test_a_removed_slug_may_be_given_again(database: Database):
    """The new agent of that name has a history of its own."""
    add(database, "ada", 1)
    with database.writing() as session:
        agents.remove_agent(session, "ada", NOW)
        with pytest.raises(NotFound, match="'ada'"):
            agents.get_agent(session, "ada")
    again = add(database, "ada", 2)
    assert (again.agent_id, again.number) == (hex_id(2), 1)


def test_a_taken_slug_is_refused(database: Database):
    """Two living agents never share a slug."""
    add(database, "ada")
    with pytest.raises(UsageError, match="slug: got 'ada', which exists"):
        add(database, "ada", 2)


def test_an_unusable_profile_is_not_stored(database: Database):
    """The field at fault is named, on creation and on change, and nothing is kept."""
    with pytest.raises(UsageError, match="engines"):
        add(database, "ada", engines=())
    add(database, "max")
    with database.writing() as session, pytest.raises(UsageError, match="name"):
        agents.update_agent(session, replace(profile("max"), name=" "), NOW)
    with database.reading() as session:
        assert [revision.profile for revision in agents.list_agents(session)] == [profile("max")]


@pytest.mark.parametrize(
    "ask",
    [
        lambda session: agents.get_agent(session, "nobody"),
        lambda session: agents.agent_history(session, "nobody"),
        lambda session: agents.remove_agent(session, "nobody", NOW),
        lambda session: agents.update_agent(session, profile("nobody"), NOW),
        lambda session: agents.set_agent_enabled(session, "nobody", True, NOW),
        lambda session: agents.get_agent_revision(session, "ada", 7),
    ],
)
def test_what_is_not_there_is_not_found(database: Database, ask):
    """Unknown agents and revisions raise NotFound and say where to look."""
    add(database, "ada")
    with database.writing() as session, pytest.raises(NotFound, match="agent"):
        ask(session)


def test_settings_unknown_to_an_old_revision_take_their_defaults(sqlite_database: Database):
    """A profile stored before a setting existed can still be read."""
    from sqlalchemy import text

    add(sqlite_database, "ada")
    with sqlite_database.writing() as session:
        old = '{"slug":"ada","name":"Ada","setting_since_removed":1}'
        session.execute(text("UPDATE agent_revision SET profile = :old"), {"old": old})
    with sqlite_database.reading() as session:
        assert agents.get_agent(session, "ada").profile == profile("ada")
        assert agents.get_agent(session, "ada").profile.tools == AgentTools()
