"""`agentvoice db`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from agentvoice.storage.schema import SCHEMA_VERSION
from tests.cli.conftest import Cli


def test_upgrade_makes_the_database_and_check_looks_at_it(cli: Cli, home: Path):
    """Upgrading twice is no error; checking changes nothing."""
    assert cli("db", "check").code == 3
    assert not (home / "agentvoice.db").exists()
    for command in ("upgrade", "upgrade", "check"):
        assert cli("db", command, "--json").document == {
            "location": str(home / "agentvoice.db"),
            "schema": SCHEMA_VERSION,
        }


def test_a_newer_database_is_refused(cli: Cli, home: Path):
    """A database that a newer agentvoice wrote is left alone: exit code 1."""
    cli("db", "upgrade")
    with sqlite3.connect(home / "agentvoice.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for command in (("db", "check"), ("db", "upgrade"), ("agent", "list")):
        answer = cli(*command)
        assert answer.code == 1
        assert "9999" in answer.complaint
