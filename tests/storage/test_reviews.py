from __future__ import annotations

import threading
from functools import partial

import pytest

from agentvoice.core.project import PublishPolicy
from agentvoice.errors import NotFound, Refused
from agentvoice.storage import conversations, preparations, publications, reviews
from agentvoice.storage.database import Database
from tests.services.press import Killed, MortalDatabase, Reaper
from tests.storage.threads import EVENTS, ended_call, store
from tests.storage.values import NOW, call, hex_id

CALL_ID = hex_id(1)


def waiting(database: Database) -> str:
    return ended_call(database, policy=PublishPolicy.REVIEW)


def test_approved_it_is_queued_rejected_it_never_will_be(database: Database):
    """The first word counts; a second is refused and says where the call stands."""
    for number in (1, 2):
        ended_call(database, number, policy=PublishPolicy.REVIEW)
    with database.writing() as session:
        reviews.approve_publication(session, hex_id(1))
        with pytest.raises(Refused, match="does not wait for review, it is approved or was never"):
            reviews.reject_publication(session, hex_id(1))
        reviews.reject_publication(session, hex_id(2), "names a child")
        with pytest.raises(Refused, match="does not wait for review, it is rejected"):
            reviews.approve_publication(session, hex_id(2))
        assert preparations.list_unprepared(session, NOW, 10) == (hex_id(1),)
        assert publications.get_publication(session, hex_id(2)).error == (
            "rejected by the operator: names a child"
        )
        assert len(conversations.items_of(session, hex_id(2))) == 1


def test_edits_are_kept_apart_from_the_items(database: Database):
    """A text, a turn left out, and both taken back; what was said stays as it was."""
    waiting(database)
    with database.writing() as session:
        said = conversations.items_of(session, CALL_ID)
        reviews.edit_turns(session, CALL_ID, {1: "better", 3: ""}, NOW)
        assert reviews.edits_of(session, CALL_ID) == {1: "better", 3: ""}
        assert publications.get_publication(session, CALL_ID).edits == 2
        assert [each.edits for each in publications.list_publications(session)] == [2]
        reviews.edit_turns(session, CALL_ID, {1: "best", 3: None, 7: None}, NOW + 1)
        reviews.edit_turns(session, CALL_ID, {1: "best"}, NOW + 2)
        assert reviews.edits_of(session, CALL_ID) == {1: "best"}
        assert conversations.items_of(session, CALL_ID) == said


def test_nothing_is_decided_about_a_call_that_does_not_wait(database: Database):
    """Live, signed, unpublished, refused by its caller, or unknown: each is said."""
    with database.writing() as session:
        conversations.create_call(session, call(3))
    for number in (1, 2, 4):
        ended_call(database, number)
    assert store(database)
    ended_call(database, 5, policy=PublishPolicy.REVIEW)
    with database.writing() as session:
        conversations.set_do_not_publish(session, hex_id(5))
        preparations.fail_preparation(session, hex_id(4), "no key")
        expected = {
            1: "its thread is signed",
            2: "it is approved or was never",
            3: "it has not ended",
            4: "its thread is failed",
            5: "its caller wants it unpublished",
        }
        for number, words in expected.items():
            for decide in (reviews.approve_publication, reviews.reject_publication, edit):
                with pytest.raises(Refused, match=words):
                    decide(session, hex_id(number))
        with pytest.raises(NotFound):
            reviews.approve_publication(session, hex_id(9))


def edit(session, call_id: str) -> None:
    reviews.edit_turns(session, call_id, {1: "x"}, NOW)


def test_an_edit_and_an_approval_at_once_never_both_hold(database: Database):
    """Either the edit is in what is signed, or it is refused: no thread is approved under an editor."""
    waiting(database)
    for round_ in range(10):
        start = threading.Barrier(2)
        outcomes: dict[str, bool] = {}

        def decide(name: str, work, start=start, outcomes=outcomes) -> None:
            start.wait()
            try:
                with database.writing() as session:
                    work(session)
            except Refused:
                outcomes[name] = False
            else:
                outcomes[name] = True

        text = f"round {round_}"
        works = {
            "edit": partial(reviews.edit_turns, call_id=CALL_ID, edits={1: text}, now=NOW),
            "approve": partial(reviews.approve_publication, call_id=CALL_ID),
        }
        threads = [threading.Thread(target=decide, args=each) for each in works.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with database.writing() as session:
            assert outcomes["approve"]
            assert (reviews.edits_of(session, CALL_ID).get(1) == text) is outcomes["edit"]
            row = publications.call_row(session, CALL_ID)
            row.publication = "review"


@pytest.mark.parametrize("step", [1, 2, 3])
def test_killed_in_a_decision_it_is_whole_or_not_at_all(database: Database, step: int):
    """Before the commit nothing has happened, after it everything."""
    waiting(database)
    reaper = Reaper(step)
    mortal = MortalDatabase(database, reaper)
    with pytest.raises(Killed), mortal.writing() as session:
        reviews.edit_turns(session, CALL_ID, {1: "a", 2: "b"}, NOW)
        reviews.approve_publication(session, CALL_ID)
    is_done = step == 3
    with database.reading() as session:
        assert len(reviews.edits_of(session, CALL_ID)) == (2 if is_done else 0)
        assert bool(preparations.list_unprepared(session, NOW, 10)) is is_done


def test_redactions_are_recorded_until_the_thread_is_signed(database: Database):
    """The counts of the last signing stand, and stay with the signed thread."""
    ended_call(database)
    with database.writing() as session:
        reviews.record_redactions(session, CALL_ID, {"phone": 2})
        reviews.record_redactions(session, CALL_ID, {"card": 1, "pattern:x": 3})
    assert store(database, events=EVENTS)
    with database.writing() as session:
        reviews.record_redactions(session, CALL_ID, {})
        assert publications.get_publication(session, CALL_ID).redactions == {"card": 1, "pattern:x": 3}
