"""`agentvoice config`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def test_config_check_names_the_nearest_right_key(cli: Cli, home: Path):
    """A misspelt key of the settings file is named with the right one."""
    (home.parent / "a.toml").write_text("[relays]\nembeded_port = 1\n")
    answer = cli("config", "check", "--config", str(home.parent / "a.toml"))
    assert answer.code == 2
    assert answer.complaint.endswith("relays.embeded_port: unknown key; did you mean relays.embedded_port?")


def test_config_check_hides_the_databases_password(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """A URL with a password is not printed, for people or machines."""
    password = "p" + "w" * 8
    monkeypatch.setenv("AGENTVOICE_DATABASE__URL", f"postgresql://me:{password}@127.0.0.1/db")
    for answer in (cli("config", "check"), cli("config", "check", "--json")):
        assert answer.code == 0
        assert password not in answer.out
