"""What comes from outside is text on the operator's terminal, never a command to it."""

from __future__ import annotations

import pytest

from agentvoice.cli import run
from agentvoice.cli.output import fields


def test_an_argument_with_terminal_commands_is_complained_about_in_plain_text(
    capsys: pytest.CaptureFixture[str],
):
    """An unknown word is repeated without what the terminal would obey."""
    assert run(["agent", "no\x1b[2Jsuch"]) == 2
    complaint = capsys.readouterr().err
    assert "no" in complaint
    assert complaint.rstrip("\n").isprintable()


def test_lists_are_shown_in_plain_text():
    """Each part of a list is made harmless like a single value."""
    assert fields({"aliases": ("a\x1b[2Jb", "c")}) == "aliases  a [2Jb, c"
