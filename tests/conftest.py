"""Fixtures that every test shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's top folder."""
    return ROOT


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path) -> Iterator[Path]:
    """A home of the test's own: neither settings, keys nor data of the person who runs it are touched."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith("AGENTVOICE_") or name in {
            "OPENAI_API_KEY",
            "CREDENTIALS_DIRECTORY",
            "NOTIFY_SOCKET",
        }:
            del os.environ[name]
    home = tmp_path / "home"
    os.environ["AGENTVOICE_HOME"] = str(home)
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    os.environ["XDG_DATA_HOME"] = str(tmp_path / "data")
    yield home
    os.environ.clear()
    os.environ.update(before)
