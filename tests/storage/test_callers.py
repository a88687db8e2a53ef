from __future__ import annotations

import pytest

from agentvoice.errors import NotFound
from agentvoice.storage import callers, conversations
from agentvoice.storage.database import Database
from tests.storage.values import call, hex_id

EVE, MAIA = "token 0123456789ab", "npub1maia"


@pytest.fixture
def calls(database: Database) -> Database:
    """Two calls of Eve, then one of Maia."""
    with database.writing() as session:
        for number, caller in ((1, EVE), (2, EVE), (3, MAIA)):
            conversations.create_call(session, call(number, caller=caller))
    return database


def test_a_caller_finds_its_own_calls(calls: Database):
    """By id, and its newest as `last`, whatever came after it."""
    with calls.reading() as session:
        assert callers.find_own_call(session, hex_id(1), EVE) == hex_id(1)
        assert callers.find_own_call(session, "last", EVE) == hex_id(2)


def test_a_call_of_somebody_else_is_like_none(calls: Database):
    """The same words but for the id that was asked; nobody's calls are those of no caller."""
    said = []
    with calls.reading() as session:
        for name, caller in ((hex_id(3), EVE), (hex_id(9), EVE), (hex_id(1), ""), ("last", "token f")):
            with pytest.raises(NotFound) as refused:
                callers.find_own_call(session, name, caller)
            said.append(str(refused.value).replace(name, "ID"))
    assert len(set(said)) == 1


def test_whose_calls_are_is_told_by_id(calls: Database):
    """Calls that are not there are left out."""
    with calls.reading() as session:
        assert callers.callers_of(session, [hex_id(1), hex_id(3), hex_id(9)]) == {
            hex_id(1): EVE,
            hex_id(3): MAIA,
        }
        assert callers.callers_of(session, []) == {}
