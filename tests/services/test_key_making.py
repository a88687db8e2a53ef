"""A key of its own for what is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.adapters.key_files import KeyFiles
from agentvoice.services.key_making import made_key


def test_a_key_stays_with_what_was_made(tmp_path: Path):
    """Its file is there, under the reference that is to be stored."""
    files = KeyFiles(tmp_path / "keys")
    with made_key(files, "agent ada", 7) as key:
        pass
    assert files.list() == (key.reference,) == (f"file:{key.npub}",)
    assert (key.label, key.created_at, key.ncryptsec) == ("agent ada", 7, "")


def test_a_key_is_forgotten_when_it_could_not_be_stored(tmp_path: Path):
    """Whatever the reason."""
    files = KeyFiles(tmp_path / "keys")
    with pytest.raises(KeyboardInterrupt), made_key(files, "agent ada", 7):
        raise KeyboardInterrupt
    assert files.list() == ()
