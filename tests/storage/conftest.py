"""Real databases for the tests of this floor: SQLite files, and a throw-away PostgreSQL cluster."""

from __future__ import annotations

import itertools
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.storage.database import Database
from agentvoice.storage.publication_models import EventRow
from agentvoice.storage.schema import SCHEMA_VERSION
from agentvoice.storage.writer import Writer

SHORT_BUSY_TIMEOUT_MS = 100
ROOT = Path(__file__).parents[2]
POSTGRESQL_VERSIONS = Path("/usr/lib/postgresql")


class PostgresServer:
    """A cluster of the test run's own, reached through a Unix socket only."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._numbers = itertools.count()
        # PostgreSQL refuses to run as root.
        self._as_user: dict[str, object] = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
            self._as_user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "-D", str(folder / "data"))
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        self._run(
            "pg_ctl", "-D", str(folder / "data"), "-w", "-o", options, "-l", str(folder / "log"), "start"
        )

    def new_database(self, template: str = "template0") -> str:
        """Create an empty database, or a copy of `template`, and return its URL."""
        name = f"test_{next(self._numbers)}"
        self._run("createdb", "-h", str(self._folder), "-U", "postgres", "-T", template, name)
        return self.url(name)

    def empty(self, url: str) -> None:
        """Remove every row, and everybody who is still at work there: sooner done than a new copy."""
        tables = ", ".join(table.name for table in EventRow.metadata.tables.values())
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())
            connection.execute("UPDATE alembic_version SET version_num = %s", [SCHEMA_VERSION])

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,  # a pipe would stay open in the server
            stderr=subprocess.DEVNULL,
            timeout=60,
            **self._as_user,  # type: ignore[call-overload] # which keywords depends on who we are
        )
        assert done.returncode == 0, f"{program} failed, see {self._folder}/log"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    versions = sorted(POSTGRESQL_VERSIONS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not versions:
        pytest.skip(f"no PostgreSQL in {POSTGRESQL_VERSIONS}: make packages installs it")
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # the path of a socket must be short
    server = PostgresServer(versions[-1].parent, folder)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """Name of a database with the current schema: copying it is faster than migrating."""
    url = postgres_server.new_database()
    Database.open(url, create=True).close()
    return url.partition("@/")[2].partition("?")[0]


@pytest.fixture(scope="session")
def postgres_address(postgres_server: PostgresServer, postgres_template: str) -> str:
    """The one database with the current schema that tests use one after another."""
    return postgres_server.new_database(postgres_template)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a database without tables is, or may be made."""
    if request.param == "sqlite":
        return str(tmp_path / "agentvoice.db")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest) -> str:
    """Where a database with the current schema is."""
    if request.param == "sqlite":
        path: Path = request.getfixturevalue("sqlite_path")
        return str(path)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url: str = request.getfixturevalue("postgres_address")
    server.empty(url)
    return url


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    opened = Database.open(address, busy_timeout_ms=SHORT_BUSY_TIMEOUT_MS)
    yield opened
    opened.close()


@pytest.fixture
def patient_database(address: str) -> Iterator[Database]:
    """One for tests in which threads wait for each other's locks, however busy the machine is."""
    opened = Database.open(address, busy_timeout_ms=60_000)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the current schema: copying it is faster than migrating."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    Database.open(path, create=True).close()
    return path


@pytest.fixture
def sqlite_path(tmp_path: Path, sqlite_template: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "agentvoice.db"))


@pytest.fixture
def sqlite_database(sqlite_path: Path) -> Iterator[Database]:
    opened = Database.open(sqlite_path, busy_timeout_ms=SHORT_BUSY_TIMEOUT_MS)
    yield opened
    opened.close()


@pytest.fixture
def new_writer() -> Iterator[Callable[..., Writer]]:
    """Makes writers and closes them at the end."""
    writers: list[Writer] = []

    def make(database: Database, **limits: object) -> Writer:
        writers.append(Writer(database, SystemClock(), **limits))  # type: ignore[arg-type] # passed through
        return writers[-1]

    yield make
    for writer in writers:
        writer.close(5.0)


class Child:
    """Another process of tests.storage.children."""

    def __init__(self, role: str, address: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.children", role, address],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """The next thing it says; None when it died in the middle of a line or says no more."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line.endswith("\n") else None

    def kill(self) -> None:
        self.process.kill()

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def start_child() -> Iterator[Callable[[str, str], Child]]:
    """Starts other processes and ends them."""
    children: list[Child] = []

    def start(role: str, address: str | Path) -> Child:
        children.append(Child(role, str(address)))
        return children[-1]

    yield start
    for child in children:
        child.close()
