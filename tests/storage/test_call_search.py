from __future__ import annotations

import pytest

from agentvoice.core.item import ItemKind
from agentvoice.storage import agents, conversations, projects
from agentvoice.storage.database import Database
from tests.storage.values import NOW, call, hex_id, item, profile, project


@pytest.fixture
def searched(database: Database) -> Database:
    """Two calls: in one the weather was talked about, the other is of another project."""
    with database.writing() as session:
        projects.create_project(session, project("garden", title="The big garden"), NOW)
        for number, name in ((1, "garden"), (2, "harbour")):
            conversations.create_call(session, call(number, project=name))
        revision = agents.create_agent(session, hex_id(9), profile("max"), NOW)
        conversations.add_call_agent(session, hex_id(2), revision, NOW)
        conversations.upsert_item(session, hex_id(1), item(0, text="It rains 100% of the time, Zoë."))
        hidden = item(1, kind=ItemKind.TOOL_RESULT, text='{"sky": "cloudy"}')
        conversations.upsert_item(session, hex_id(1), hidden)
    return database


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["RAINS"], [1]),
        (["rains", "garden"], [1]),
        (["rains", "harbour"], []),
        (["big"], [1]),
        (["harb"], [2]),
        (["max"], [2]),
        (["ada"], [2, 1]),
        (["100%"], [1]),
        (["%"], [1]),
        (["r_ins"], []),
        (["Zoë"], [1]),
        (["cloudy"], []),
        ([], [2, 1]),
    ],
)
def test_calls_are_found_by_what_they_mention(searched: Database, words: list[str], found: list[int]):
    """Every word, in what was said, the agents, the project's slug or title; tools are not searched."""
    with searched.reading() as session:
        calls = conversations.list_calls(session, words=words)
    assert [each.id for each in calls] == [hex_id(number) for number in found]
