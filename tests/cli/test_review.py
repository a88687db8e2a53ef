"""`agentvoice publication approve|reject|edit|unpublish` over a call that waits for review."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agentvoice.config import load_settings
from agentvoice.core.call import PublicationState
from agentvoice.storage.database import Database
from agentvoice.storage.publications import call_row
from tests.cli.conftest import Cli
from tests.cli.kept_call import CALL_ID


@pytest.fixture
def waiting(kept: Cli) -> Cli:
    """The kept call as it was before anything of it was signed: it waits for review."""
    database = Database.open(load_settings().database_place)
    with database.writing() as session:
        row = call_row(session, CALL_ID)
        row.publication, row.prepared_at = PublicationState.REVIEW.value, 0
    database.close()
    return kept


def test_a_waiting_call_shows_what_would_be_published(waiting: Cli):
    """Turns are numbered, with their signers; the list says that it waits."""
    listed = waiting("publication", "list", "--waiting", "--json").document["publications"]
    assert [(each["call"], each["waiting"]) for each in listed] == [(CALL_ID, True)]
    review = waiting("publication", "show", CALL_ID, "--json").document["review"]
    assert [(turn["number"], turn["speaker"], turn["text"]) for turn in review["turns"]] == [
        (1, "Caller", "Hello[2J?"), (2, "Ada", "Good"),
    ]  # fmt: skip
    assert review["relays"] == ["embedded"]
    assert "publication approve" in waiting("publication", "show", CALL_ID).out


def test_turns_are_edited_left_out_and_taken_back(waiting: Cli):
    """The copy changes and says so; edits are redacted as speech is."""

    def edit(*options: str) -> list[tuple[str | None, bool]]:
        shown = waiting("publication", "edit", CALL_ID, *options, "--json").document["review"]
        return [(turn["text"], turn["edited"]) for turn in shown["turns"]]

    assert edit("--turn", "2", "--text", "Ring 555-0123") == [
        ("Hello[2J?", False), ("Ring [phone number removed]", True),
    ]  # fmt: skip
    assert edit("--turn", "1", "--remove")[0] == (None, True)
    assert "waiting, edited" in waiting("publication", "list").out
    assert edit("--undo") == [("Hello[2J?", False), ("Good", False)]


def test_an_editor_changes_the_turns(waiting: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """What $EDITOR saves is the copy."""
    script = tmp_path / "edit.py"
    script.write_text(
        "import sys; p = sys.argv[1]; t = open(p).read(); open(p, 'w').write(t.replace('Good', 'Better'))"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    shown = waiting("publication", "edit", CALL_ID, "--json").document["review"]
    assert [turn["text"] for turn in shown["turns"]] == ["Hello[2J?", "Better"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "got no option and no $EDITOR"),
        (("--turn", "3", "--remove"), "--turn: got 3, want 1 to 2"),
        (("--turn", "1"), "--turn: got no change"),
        (("--remove",), "--turn: got none"),
        (("--turn", "1", "--remove", "--undo"), "--undo: got it and --remove"),
        (("--turn", "1", "--text", " "), "--text: got nothing"),
    ],
)
def test_wrong_edits_are_named(waiting: Cli, options: tuple[str, ...], words: str):
    """One line says which option, what was got, what is wanted."""
    answer = waiting("publication", "edit", CALL_ID, *options)
    assert answer.code == 2
    assert words in answer.complaint


def test_after_the_decision_nothing_is_edited(waiting: Cli):
    """Approved it is queued; editing, rejecting and approving again are refused."""
    assert waiting("publication", "approve", CALL_ID, "--json").document["state"] == "queued"
    for command in ("approve", "reject", "edit"):
        answer = waiting("publication", command, CALL_ID)
        assert (answer.code, "does not wait for review" in answer.complaint) == (4, True)


def test_a_rejected_call_says_why(waiting: Cli):
    """It is not published, and its items stay."""
    assert waiting("publication", "reject", CALL_ID, "--reason", "a child").code == 0
    [shown] = waiting("publication", "list", "--state", "none", "--json").document["publications"]
    assert shown["error"] == "rejected by the operator: a child"
    assert len(waiting("call", "show", CALL_ID, "--json").document["items"]) == 4


def test_a_thread_is_taken_back(kept: Cli):
    """It is asked for, marked in the list, and never sent again."""
    assert kept("publication", "unpublish", CALL_ID, stdin="n\n").code != 0
    assert kept("publication", "unpublish", CALL_ID, "--yes", "--json").document["state"] == "none"
    assert "unpublished" in kept("publication", "list").out
    assert kept("publication", "show", CALL_ID, "--json").document["publication"]["unpublished_at"]
    assert kept("publication", "retry", CALL_ID).code == 4
