from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from agentvoice.config.bundled import bundled_folder
from agentvoice.errors import SchemaOutOfDate, StorageError
from agentvoice.storage import conversations
from agentvoice.storage.database import Database
from agentvoice.storage.publication_models import EventRow
from agentvoice.storage.schema import SCHEMA_VERSION, check_version
from agentvoice.storage.usage import UsageEntry, usage_of
from tests.storage.values import call

ROOT = Path(__file__).parents[2]


def set_version(database: Database, version: str) -> None:
    with database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def test_the_newest_migration_is_the_one_the_code_wants():
    """SCHEMA_VERSION is the head; the migrations are one line of four digit numbers."""
    config = Config()
    config.set_main_option("script_location", str(bundled_folder("migrations")))
    script = ScriptDirectory.from_config(config)
    revisions = [one.revision for one in script.walk_revisions()]
    assert script.get_heads() == [SCHEMA_VERSION]
    assert sorted(revisions, reverse=True) == revisions
    assert all(len(revision) == 4 and revision.isdigit() for revision in revisions)


def test_the_migrations_make_the_tables_of_the_models(empty_address: str):
    """Migrating from nothing gives exactly the tables, columns, defaults and indexes of models.py."""
    migrated = Database.open(empty_address, create=True)
    with migrated._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, EventRow.metadata) == []
        by_migration = reflect(connection)
    with migrated._engine.begin() as connection:
        EventRow.metadata.drop_all(connection)
        EventRow.metadata.create_all(connection)
        assert reflect(connection) == by_migration
    migrated.close()


def reflect(connection) -> dict[str, object]:
    """What the database itself says of its tables; the order of indexes does not matter."""
    inspector = inspect(connection)
    return {
        name: {
            "columns": [
                {key: str(value) for key, value in column.items()} for column in inspector.get_columns(name)
            ],
            "primary": inspector.get_pk_constraint(name),
            "foreign": sorted(map(str, inspector.get_foreign_keys(name))),
            "unique": sorted(map(str, inspector.get_unique_constraints(name))),
            "indexes": sorted(index_words(index) for index in inspector.get_indexes(name)),
        }
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


def index_words(index) -> str:
    where = {key: str(value) for key, value in index.get("dialect_options", {}).items()}
    return f"{index['name']} {index['column_names']} {bool(index['unique'])} {where}"


def test_the_migrations_can_be_undone(empty_address: str):
    """Downgrading to nothing leaves no table of ours; upgrading again works."""
    from alembic import command

    database = Database.open(empty_address, create=True)
    config = Config()
    config.set_main_option("script_location", str(bundled_folder("migrations")))
    with database._modes["upgrade"].begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    database.upgrade()
    assert database.schema_version() == SCHEMA_VERSION
    database.close()


def test_costs_are_added_to_a_database_in_use(empty_address: str):
    """0001 to 0002: old usage keeps its figures and gets its call's project; old calls are local."""
    database = Database.open(empty_address, create=True)
    with database._modes["upgrade"].begin() as connection:
        migrate(connection, "0001")
        columns = (
            "id, project, agent, transport, engine, state, policy, relays, owner_id, lease_until, started_at"
        )
        for number, project in enumerate(("garden", "zoo")):
            connection.execute(
                text(
                    f"INSERT INTO call ({columns}) VALUES"
                    f" ('call{number}', '{project}', 'ada', 'text', 'local', 'ended', 'off', 'embedded', 'me', 0, 7)"
                )
            )
            connection.execute(
                text(
                    f"INSERT INTO usage VALUES ('u{number}', 'call{number}', 'ada', 'openai', 'm', 1, 2, 3, 4, 5, 6, 7, 8)"
                )
            )
    database.upgrade()
    assert database.schema_version() == SCHEMA_VERSION
    with database.reading() as session:
        (entry,) = usage_of(session, "call1")
        assert conversations.get_call(session, "call1").caller == "local"
    assert entry == UsageEntry("u1", "call1", "zoo", "ada", "openai", "m", 8, 7, 1, 2, 3, 4, 5, 6)
    with database._modes["upgrade"].begin() as connection:
        migrate(connection, "0001")
        assert connection.execute(text("SELECT count(*) FROM usage WHERE cost_nano_usd = 7")).scalar() == 2
    database.close()


def migrate(connection, revision: str) -> None:
    """Go down to a revision."""
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(bundled_folder("migrations")))
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def test_an_older_schema_names_the_command(address: str):
    """Neither plain opening nor `create` changes an older database; `upgrade` is asked for."""
    database = Database.open(address)
    set_version(database, "0000")
    database.close()
    for create in (False, True):
        with pytest.raises(
            SchemaOutOfDate,
            match=f"got schema 0000, want schema {SCHEMA_VERSION}: run `agentvoice db upgrade`",
        ):
            Database.open(address, create=create)


def test_a_newer_schema_is_left_alone(address: str):
    """No way of opening touches a database that a newer agentvoice wrote."""
    database = Database.open(address)
    set_version(database, "9999")
    for options in ({}, {"create": True}, {"create": True, "upgrade": True}):
        with pytest.raises(SchemaOutOfDate, match=r"schema 9999.*newer agentvoice"):
            Database.open(address, **options)
    with pytest.raises(SchemaOutOfDate, match="newer agentvoice"):
        database.upgrade()
    database.close()


def test_a_foreign_database_is_left_alone(empty_address: str):
    """Tables of another program are neither used nor added to."""
    database = Database.open(empty_address, create=True)
    with database._modes["upgrade"].begin() as connection:
        EventRow.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("CREATE TABLE somebodys (x INTEGER)"))
    with pytest.raises(StorageError, match=r"another program.*'somebodys'"):
        Database.open(empty_address, create=True, upgrade=True)
    with database._engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["somebodys"]
    database.close()


def test_a_failed_migration_leaves_nothing(
    empty_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A migration that breaks half-way is undone whole, on SQLite too."""
    # Only the folder is exchanged: a real migration that really fails.
    folder = tmp_path / "migrations"
    shutil.copytree(bundled_folder("migrations"), folder)
    first = next((folder / "versions").glob("0001*.py"))
    broken = first.read_text().replace(
        "\n\n\ndef downgrade", "\n    op.execute('SELECT nonsense')\n\n\ndef downgrade"
    )
    first.write_text(broken)
    monkeypatch.setattr("agentvoice.storage.schema.bundled_folder", lambda name: folder)
    with pytest.raises(StorageError):
        Database.open(empty_address, create=True)
    monkeypatch.undo()
    database = Database.open(empty_address, create=True)
    assert database.schema_version() == SCHEMA_VERSION
    database.close()


def test_processes_that_upgrade_at_once_agree(empty_address: str, start_child):
    """Three processes that start on an empty place at the same time all get the current schema."""
    children = [start_child("upgrade", empty_address) for _ in range(3)]
    assert [child.answer() for child in children] == ["ready"] * 3
    for child in children:
        child.go_on()
    assert [child.answer() for child in children] == [SCHEMA_VERSION] * 3
    database = Database.open(empty_address)
    with database.writing() as session:
        conversations.create_call(session, call())
    database.close()


def test_upgrading_keeps_foreign_keys_on(sqlite_database: Database):
    """Connections used after an upgrade check owners again."""
    sqlite_database.upgrade()
    with sqlite_database.writing() as session:
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


@pytest.mark.parametrize(
    ("version", "words"), [("", "got no tables"), ("0000", "got schema 0000"), ("9999", "newer agentvoice")]
)
def test_a_wrong_version_is_told(version: str, words: str):
    """The message says what was found, where, and what to do."""
    with pytest.raises(SchemaOutOfDate, match=f"here: .*{words}"):
        check_version(version, "here")


def test_the_installed_package_finds_its_migrations(tmp_path: Path):
    """Laid out as the wheel lays it out, away from the checkout, a database can be made."""
    shutil.copytree(
        ROOT / "agentvoice", tmp_path / "agentvoice", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "migrations", tmp_path / "agentvoice" / "_bundled" / "migrations")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import agentvoice;"
        "from agentvoice.storage.database import Database;"
        "print(agentvoice.__file__, Database.open('made.db', create=True).schema_version())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(tmp_path / "agentvoice" / "__init__.py"), SCHEMA_VERSION]
