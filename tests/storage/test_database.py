from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from agentvoice.errors import (
    ConfigError,
    NotFound,
    SchemaOutOfDate,
    StorageBusy,
    StorageError,
    StorageRefused,
    StorageUnavailable,
)
from agentvoice.storage import conversations
from agentvoice.storage.database import Database
from tests.storage.conftest import SHORT_BUSY_TIMEOUT_MS
from tests.storage.values import NOW, call, hex_id


def calls(database: Database) -> int:
    with database.reading() as session:
        return len(conversations.list_calls(session))


def test_a_missing_database_is_not_made(tmp_path: Path):
    """Opening without `create` names the commands that make one and leaves no file."""
    path = tmp_path / "deep" / "agentvoice.db"
    with pytest.raises(NotFound, match=r"agentvoice\.db: .*`agentvoice db upgrade` creates it"):
        Database.open(path)
    assert list(tmp_path.iterdir()) == [tmp_path / "home"] or list(tmp_path.iterdir()) == []


def test_a_new_database_is_its_owners_alone(tmp_path: Path):
    """`create` makes folder and file for this user only, with the current schema."""
    path = tmp_path / "deep" / "er" / "agentvoice.db"
    Database.open(path, create=True).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    database = Database.open(path)
    with database.writing() as session:
        conversations.create_call(session, call())
    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    database.close()
    assert modes == {0o600}


@pytest.mark.parametrize("form", ["{path}", "sqlite:///{path}"])
def test_a_path_and_its_url_are_the_same(sqlite_path: Path, form: str):
    """A database is opened by path or by sqlite:/// URL."""
    database = Database.open(form.format(path=sqlite_path))
    assert (database.location, database.is_sqlite) == (str(sqlite_path), True)
    database.close()


def test_odd_paths_are_taken_as_they_are(tmp_path: Path):
    """Percent signs, question marks, hashes and spaces are part of the name."""
    path = tmp_path / "a b%20?mode=ro#c" / "ü.db"
    Database.open(path, create=True).close()
    assert path.is_file()


@pytest.mark.parametrize(
    "where",
    [
        "",
        "mysql://me:hunter2@host/x",
        "sqlite://",
        "sqlite:///:memory:",
        "http://x:y",
        "://",
        "postgresql://h:port/x",
    ],
)
def test_an_unusable_url_is_refused(where: str):
    """The error names the setting and what is wanted, and never quotes a password."""
    with pytest.raises(ConfigError, match=r"database\.url: got .*want a file path") as caught:
        Database.open(where)
    assert "hunter2" not in str(caught.value)


def test_work_is_committed_or_rolled_back_whole(database: Database):
    """A writing session that raises leaves nothing; a reading one never writes."""
    with pytest.raises(ZeroDivisionError), database.writing() as session:
        conversations.create_call(session, call(1))
        raise ZeroDivisionError
    with database.reading() as session:
        conversations.create_call(session, call(2))
    with database.writing() as session:
        conversations.create_call(session, call(3))
    with database.reading() as session:
        assert [one.id for one in conversations.list_calls(session)] == [hex_id(3)]


def test_a_reader_is_not_held_up_by_a_writer(database: Database):
    """While a write is open, others read what was committed before."""
    with database.writing() as session:
        conversations.create_call(session, call(1))
        assert calls(database) == 0
    assert calls(database) == 1


def test_sqlite_is_set_up_for_many_processes(sqlite_database: Database):
    """Write-ahead log, foreign keys, and full synchronisation only for durable work."""
    wanted = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1}
    with sqlite_database.writing() as session:
        assert {name: session.scalar(text(f"PRAGMA {name}")) for name in wanted} == wanted
    with sqlite_database.writing(durable=True) as session:
        assert session.scalar(text("PRAGMA synchronous")) == 2


def test_rows_have_owners(database: Database):
    """An item without its call is refused on both databases."""
    from tests.storage.values import item

    with pytest.raises(StorageError), database.writing() as session:
        conversations.upsert_item(session, "nobody", item())


def test_a_held_lock_is_told_after_the_busy_timeout(sqlite_path: Path, start_child):
    """StorageBusy says a retry may help; reading goes on; afterwards writing does too."""
    holder = start_child("hold_lock", sqlite_path)
    assert holder.answer() == "locked"
    database = Database.open(sqlite_path, busy_timeout_ms=SHORT_BUSY_TIMEOUT_MS)
    with pytest.raises(StorageBusy, match="another process holds") as caught, database.writing():
        pass
    assert caught.value.retryable
    assert calls(database) == 0
    holder.go_on()
    assert holder.answer() == "free"
    with database.writing() as session:
        conversations.create_call(session, call())
    database.close()


def test_a_locked_row_is_told_after_the_busy_timeout(postgres_server, postgres_template):
    """On PostgreSQL too, who waits for a row longer than the busy timeout gets StorageBusy."""
    url = postgres_server.new_database(postgres_template)
    first, second = (Database.open(url, busy_timeout_ms=SHORT_BUSY_TIMEOUT_MS) for _ in range(2))
    with first.writing() as session:
        conversations.create_call(session, call())
    with first.writing() as session:
        conversations.set_do_not_publish(session, hex_id(1))
        with pytest.raises(StorageBusy), second.writing() as other:
            conversations.set_do_not_publish(other, hex_id(1))
    first.close()
    second.close()


@pytest.mark.parametrize("content", [b"no database at all, but long enough to look like a file\n" * 40, b"x"])
def test_a_file_that_is_no_database_is_told(tmp_path: Path, content: bytes):
    """A foreign file is named and left as it was."""
    path = tmp_path / "agentvoice.db"
    path.write_bytes(content)
    for create in (False, True):
        with pytest.raises(StorageError, match=r"agentvoice\.db.* no SQLite database"):
            Database.open(path, create=create, upgrade=create)
    assert path.read_bytes() == content


def test_a_damaged_database_is_told(sqlite_path: Path):
    """Pages overwritten by somebody give one clear error."""
    database = Database.open(sqlite_path)
    with database.writing() as session:
        for number in range(200):
            conversations.create_call(session, call(number))
    with database.reading() as session:
        session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    database.close()
    size = sqlite_path.stat().st_size
    with sqlite_path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    with pytest.raises(StorageError, match=r"damaged|malformed|another program"):
        damaged = Database.open(sqlite_path)
        calls(damaged)


def test_a_folder_is_no_database(tmp_path: Path):
    """A folder where the file should be is refused, with and without `create`."""
    for create in (False, True):
        with pytest.raises(StorageRefused, match="cannot be opened"):
            Database.open(tmp_path, create=create)


def test_a_file_in_the_way_of_the_folder_is_told(tmp_path: Path):
    """A path below a file cannot be created, and the path is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable, match=r"no database can be created at .*file/agentvoice\.db"):
        Database.open(tmp_path / "file" / "agentvoice.db", create=True)


@pytest.mark.parametrize("folder_mode", [0o555, 0o755])
def test_a_user_without_rights_is_told_what_to_do(sqlite_path: Path, start_child, folder_mode: int):
    """Reading and writing somebody else's database: exit code 4, its owner and the command named."""
    folder = sqlite_path.parent
    for parent in [*folder.parents][:3]:  # pytest's folders are closed to others
        parent.chmod(0o755)
    sqlite_path.chmod(0o444)
    folder.chmod(folder_mode if os.geteuid() == 0 else 0o555)
    try:
        answers = start_child("try_as_nobody", sqlite_path).answer()
    finally:
        folder.chmod(0o755)
    name, exit_code, message = answers["write"]
    assert (name, exit_code) == ("StorageRefused", 4)
    assert str(sqlite_path) in message
    assert "agentvoice db upgrade" in message
    assert answers["read"] is None or answers["read"][:2] == ["StorageRefused", 4]
    for name in ("create", "create below"):
        kind, exit_code, message = answers[name]
        assert (kind, exit_code) == ("StorageRefused", 4)
        assert "AGENTVOICE_HOME" in message
    assert not (folder / "new.db").exists()


def test_postgresql_away_is_told():
    """A server that is not there is StorageUnavailable, which a retry may help; no password is shown."""
    with pytest.raises(StorageUnavailable, match="cannot be reached") as caught:
        Database.open("postgresql://me:hunter2@127.0.0.1:1/agentvoice")
    assert caught.value.retryable
    assert "hunter2" not in str(caught.value)


def test_a_postgresql_database_is_not_upgraded_unasked(postgres_server):
    """An empty database is filled by `create` only; a password is not part of its location."""
    url = postgres_server.new_database().replace("postgres@", "postgres:hunter2@")
    with pytest.raises(SchemaOutOfDate, match="agentvoice db upgrade") as caught:
        Database.open(url)
    assert "hunter2" not in str(caught.value)
    database = Database.open(url, create=True)
    assert "hunter2" not in database.location
    assert calls(database) == 0
    database.close()


def test_a_server_that_went_away_comes_back(postgres_server, postgres_template):
    """Connections cut by the server are replaced at the next use."""
    url = postgres_server.new_database(postgres_template)
    database = Database.open(url)
    assert calls(database) == 0
    other = Database.open(url)
    with other.reading() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    assert calls(database) == 0
    database.close()
    other.close()


def test_two_processes_never_take_the_same_call(address: str, start_child):
    """Each crashed call goes to exactly one of the processes that recover at once."""
    database = Database.open(address)
    with database.writing() as session:
        for number in range(1, 41):
            conversations.create_call(session, call(number))
    children = [start_child("take_crashed", address) for _ in range(2)]
    assert [child.answer() for child in children] == ["ready"] * 2
    for child in children:
        child.go_on()
    taken = [child.answer() for child in children]
    assert sorted(taken[0] + taken[1]) == [hex_id(number) for number in range(1, 41)]
    with database.writing() as session:
        assert conversations.take_crashed_calls(session, NOW * 3, "late") == ()
    database.close()


def test_opening_does_not_load_alembic(sqlite_path: Path):
    """A command that does not upgrade does not pay for importing Alembic."""
    code = (
        "import sys; from agentvoice.storage.database import Database;"
        f"Database.open({str(sqlite_path)!r}).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
