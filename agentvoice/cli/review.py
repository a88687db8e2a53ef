"""`agentvoice publication approve|reject|edit`: what becomes of a call that waits for review."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from agentvoice.cli.frame import Command as FrameCommand
from agentvoice.cli.frame import Invocation, pass_invocation
from agentvoice.cli.texts import TextOption
from agentvoice.errors import UsageError

if TYPE_CHECKING:  # imported when first used
    from agentvoice.services.published_copy import PublishedCopy
    from agentvoice.storage.database import Database


@click.command(cls=FrameCommand)
@click.argument("call_id", metavar="ID|last")
@pass_invocation
def approve(invocation: Invocation, call_id: str) -> None:
    """Let a call that waits for review be published as `publication show` shows it.

    The daemon signs and sends it with its next sweep. Thereafter it cannot be edited any more.

    \b
    Example:
      agentvoice publication show last
      agentvoice publication approve last
    """
    from agentvoice.storage.reviews import approve_publication

    with invocation.database() as database:
        found = _find(database, call_id)
        with database.writing(durable=True) as session:
            approve_publication(session, found)
    invocation.answer(
        {"call": found, "state": "queued"}, f"{found} is approved; the daemon signs and sends it"
    )


@click.command(cls=FrameCommand)
@click.argument("call_id", metavar="ID|last")
@click.option("--reason", type=TextOption(), default="", metavar="TEXT", help="Why; kept here only.")
@pass_invocation
def reject(invocation: Invocation, call_id: str, reason: str) -> None:
    """Never publish a call that waits for review; the conversation itself stays.

    \b
    Example:
      agentvoice publication reject last --reason "names a child"
    """
    from agentvoice.storage.reviews import MAX_REASON_CHARS, reject_publication

    if len(reason) > MAX_REASON_CHARS:
        raise UsageError(f"--reason: got {len(reason)} characters, want {MAX_REASON_CHARS} at most")
    with invocation.database() as database:
        found = _find(database, call_id)
        with database.writing(durable=True) as session:
            reject_publication(session, found, reason)
    invocation.answer({"call": found, "state": "none"}, f"{found} is rejected; it will not be published")


@click.command(cls=FrameCommand)
@click.argument("call_id", metavar="ID|last")
@click.option("--turn", type=int, metavar="N", help="The turn, by its number in `publication show`.")
@click.option("--text", type=TextOption(), metavar="TEXT", help="Publish this instead, or @FILE.")
@click.option("--remove", is_flag=True, help="Leave the turn out.")
@click.option("--undo", is_flag=True, help="As it was said: the turn, or without --turn all of them.")
@pass_invocation
def edit(
    invocation: Invocation, call_id: str, turn: int | None, text: str | None, remove: bool, undo: bool
) -> None:
    """Change what is published of a call that waits for review; what was said stays stored.

    Without an option the turns are opened in $EDITOR. The thread says that it was edited.

    \b
    Example:
      agentvoice publication edit last --turn 2 --text "We meet at noon."
      agentvoice publication edit last --turn 3 --remove
    """
    from agentvoice.services.review_copy import read_review_copy
    from agentvoice.storage.reviews import edit_turns

    _check_options(turn, text, remove, undo)
    with invocation.database() as database:
        found = _find(database, call_id)
        with database.writing() as session:
            edit_turns(session, found, {}, invocation.utc_ms())  # refused before an editor is opened
        copy = asyncio.run(read_review_copy(database, found))
        if turn is not None:
            _check_turn(turn, len(copy.spoken))
            wanted = {turn: None if undo else "" if remove else text}
        elif undo:
            wanted = dict.fromkeys(range(1, len(copy.spoken) + 1))
        else:
            wanted = dict(_edit_in_editor(copy))
        edits = _edits(copy, wanted)
        with database.writing(durable=True) as session:
            edit_turns(session, found, edits, invocation.utc_ms())
        _answer(invocation, database, found)


def _check_options(turn: int | None, text: str | None, remove: bool, undo: bool) -> None:
    given = [
        name
        for name, is_given in (("--text", text is not None), ("--remove", remove), ("--undo", undo))
        if is_given
    ]
    if len(given) > 1:
        raise UsageError(f"{given[1]}: got it and {given[0]}, want one of them")
    if turn is None and given and not undo:
        raise UsageError(f"--turn: got none, want the number of the turn for {given[0]}")
    if turn is not None and not given:
        raise UsageError("--turn: got no change for it, want --text TEXT, --remove or --undo")
    if text is not None and not text.strip():
        raise UsageError("--text: got nothing, want a text, or --remove to leave the turn out")


def _check_turn(turn: int, count: int) -> None:
    if not 1 <= turn <= count:
        raise UsageError(f"--turn: got {turn}, want 1 to {count} (see `agentvoice publication show`)")


def _edit_in_editor(copy: PublishedCopy) -> dict[int, str]:
    from agentvoice.cli.turn_editor import EditableTurn, edit_texts
    from agentvoice.services.review_copy import speaker_name

    turns = [
        EditableTurn(number, speaker_name(copy, turn), copy.edits.get(turn.position, turn.text))
        for number, turn in enumerate(copy.spoken, 1)
    ]
    return edit_texts(turns)


def _edits(copy: PublishedCopy, wanted: dict[int, Any]) -> dict[int, str | None]:
    """Return edits by position; a text that is what was said is no edit."""
    from agentvoice.protocols.nostr.clean import clean_text

    edits: dict[int, str | None] = {}
    for number, text in wanted.items():
        turn = copy.spoken[number - 1]
        cleaned = None if text is None else clean_text(text)
        edits[turn.position] = None if cleaned == turn.text else cleaned
    return edits


def _answer(invocation: Invocation, database: Database, call_id: str) -> None:
    from agentvoice.cli.review_view import describe_review
    from agentvoice.services.review_copy import read_review_document

    document = asyncio.run(read_review_document(database, call_id))
    invocation.answer({"call": call_id, "review": document}, describe_review(document))


def _find(database: Database, call_id: str) -> str:
    from agentvoice.services.call_document import find_call_id

    return find_call_id(database, call_id)
