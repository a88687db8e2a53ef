from __future__ import annotations

from agentvoice.storage.database import Database
from agentvoice.storage.models import ProjectRow
from agentvoice.storage.upsert import insert_missing, upsert

GARDEN = {"slug": "garden", "pubkey": "aa", "settings": "{}", "created_at": 1, "updated_at": 1}


def stored(database: Database) -> tuple[str, int, int]:
    with database.reading() as session:
        row = session.get_one(ProjectRow, "garden")
        return row.settings, row.created_at, row.updated_at


def test_a_missing_row_is_inserted_once(database: Database):
    """The answer tells whether the row was new; the first one stays."""
    with database.writing() as session:
        assert insert_missing(session, ProjectRow, GARDEN)
        assert not insert_missing(session, ProjectRow, GARDEN | {"settings": "[]"})
    assert stored(database) == ("{}", 1, 1)


def test_an_upsert_inserts_then_changes(database: Database):
    """The second write of a key replaces what is not fixed."""
    with database.writing() as session:
        for settings, updated_at in (("{}", 1), ("[]", 2)):
            values = GARDEN | {"settings": settings, "updated_at": updated_at}
            assert upsert(session, ProjectRow, values, key=("slug",), fixed=("created_at", "pubkey"))
    assert stored(database) == ("[]", 1, 2)


def test_a_row_with_other_fixed_values_is_left_alone(database: Database):
    """One fixed column that differs is enough: the answer is False and nothing changed."""
    with database.writing() as session:
        insert_missing(session, ProjectRow, GARDEN)
        for other in ({"created_at": 9}, {"pubkey": "bb"}):
            values = GARDEN | {"settings": "[]"} | other
            assert not upsert(session, ProjectRow, values, key=("slug",), fixed=("created_at", "pubkey"))
    assert stored(database) == ("{}", 1, 1)


def test_text_that_a_database_does_not_take_costs_no_row(database: Database):
    """A NUL or a lone surrogate is replaced; all else stays as it is."""
    with database.writing() as session:
        insert_missing(session, ProjectRow, GARDEN | {"settings": "a\0b\ud800\N{SNOWMAN}"})
    assert stored(database)[0] == "a\ufffdb\ufffd\N{SNOWMAN}"
    with database.writing() as session:
        values = GARDEN | {"settings": "\0"}
        assert upsert(session, ProjectRow, values, key=("slug",), fixed=("created_at",))
    assert stored(database)[0] == "\ufffd"
