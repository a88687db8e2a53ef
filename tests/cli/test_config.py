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


def test_a_wrong_price_table_is_named(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The operator's own table is read too."""
    prices = tmp_path / "prices.toml"
    prices.write_text('as_of = 2026-11-01\ncurrency = "EUR"\n')
    monkeypatch.setenv("AGENTVOICE_CALLS__BUDGETS__PRICES_FILE", str(prices))
    answer = cli("config", "check")
    assert (answer.code, "currency: got the text 'EUR'" in answer.complaint) == (2, True)
