"""The turns of a published copy in the user's own editor."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from agentvoice.errors import UsageError
from agentvoice.protocols.nostr.clean import clean_text

HINTS = """\
# What is published of this call. Change the text of a turn, or empty it to leave the turn out.
# Lines up to the first turn are not published. Redaction is applied afterwards, to what you write too.
"""
_HEAD = re.compile(r"=== (\d{1,6})(?: .*)? ===\s*")
_LIKE_A_HEAD = re.compile(r"\\*=== \d")


@dataclass(frozen=True, slots=True)
class EditableTurn:
    """A turn by its number (from 1), its speaker's name, and its text as it stands (empty: left out)."""

    number: int
    speaker: str
    text: str


def edit_texts(turns: Sequence[EditableTurn]) -> dict[int, str]:
    """Return the texts by number as they were edited; a turn whose head is gone is left out ("").

    A wrong edit can be mended when somebody sits at the terminal. Raises UsageError, and when there
    is neither an editor nor a terminal.
    """
    if not (os.environ.get("VISUAL") or os.environ.get("EDITOR") or sys.stdin.isatty()):
        raise UsageError("edit: got no option and no $EDITOR, want an option such as --turn 2 --text TEXT")
    text = encode_turns(turns)
    while True:
        edited = click.edit(text, extension=".txt", require_save=False)
        text = text if edited is None else edited
        try:
            return decode_turns(text, len(turns))
        except UsageError as error:
            if not sys.stdin.isatty():
                raise
            click.echo(f"agentvoice: {error}", err=True)
            click.confirm("Edit again?", default=True, abort=True, err=True)


def encode_turns(turns: Sequence[EditableTurn]) -> str:
    """Return the turns as a text to edit: each under a line with its number and speaker."""
    parts = [HINTS]
    for turn in turns:
        # A line that looks like a head is kept apart from heads by a backslash.
        lines = [f"\\{line}" if _LIKE_A_HEAD.match(line) else line for line in turn.text.split("\n")]
        parts.append("\n".join([f"=== {turn.number} {turn.speaker} ===", *lines]) + "\n")
    return "\n".join(parts)


def decode_turns(text: str, count: int) -> dict[int, str]:
    """Return the texts of the turns 1 to `count`. Raises UsageError naming the line that is wrong."""
    lines: dict[int, list[str]] = {}
    current: list[str] = []  # above the first head: hints
    for place, line in enumerate(text.splitlines(), 1):
        head = _HEAD.fullmatch(line)
        if head:
            number = int(head.group(1))
            if not 1 <= number <= count:
                raise UsageError(f"line {place}: got turn {number}, want 1 to {count}")
            if number in lines:
                raise UsageError(f"line {place}: got turn {number} twice, want each once")
            current = lines[number] = []
        else:
            current.append(line[1:] if line.startswith("\\") and _LIKE_A_HEAD.match(line) else line)
    return {number: clean_text("\n".join(lines.get(number, []))) for number in range(1, count + 1)}
