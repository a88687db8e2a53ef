"""`agentvoice agent edit` without options."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def test_edit_in_the_users_editor(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch):
    """Without options the whole profile is opened as TOML in $EDITOR."""
    editor = home.parent / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i "s/^greeting = .*/greeting = \\"Edited\\"/" "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    added = cli("agent", "add", "ada", "--json").document
    edited = cli("agent", "edit", "ada", "--json").document
    assert (edited["greeting"], edited["revision"], edited["npub"]) == ("Edited", 2, added["npub"])


def test_a_wrong_edit_changes_nothing(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch):
    """The wrong key of the edited text is named, and the agent is as it was."""
    editor = home.parent / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i "s/^greeting/greting/" "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    cli("agent", "add", "ada")
    answer = cli("agent", "edit", "ada")
    assert answer.code == 2
    assert "the edited profile: greting: unknown key; did you mean greeting?" in answer.complaint
    assert cli("agent", "show", "ada", "--json").document["revision"] == 1
