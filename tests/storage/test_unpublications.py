from __future__ import annotations

import pytest

from agentvoice.core.delivery import DeliveryState
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import Refused
from agentvoice.storage import publications, unpublications
from agentvoice.storage.database import Database
from tests.services.press import Killed, MortalDatabase, Reaper
from tests.storage.threads import CALL_ID, ended_call, store
from tests.storage.values import NOW


def test_what_is_open_is_dropped_with_the_word(database: Database):
    """Nothing that is not sent yet ever will be, and the thread is none."""
    ended_call(database)
    store(database)
    with database.writing() as session:
        assert unpublications.unpublish(session, CALL_ID, NOW) == ()
        found = publications.get_publication(session, CALL_ID)
        assert (found.state.value, found.unpublished_at) == ("none", NOW)
        assert {each.state for each in found.deliveries} == {DeliveryState.DROPPED}
        assert [each.call_id for each in publications.list_publications(session)] == [CALL_ID]
        assert len(unpublications.list_deletion_needs(session, 10)) == 1


@pytest.mark.parametrize("policy", [PublishPolicy.PUBLIC, PublishPolicy.PRIVATE])
def test_what_cannot_be_taken_back_is_refused(database: Database, policy: PublishPolicy):
    """Nothing is signed yet, or by keys that were thrown away."""
    ended_call(database, policy=policy)
    if policy is PublishPolicy.PRIVATE:
        store(database)
    words = "a private thread" if policy is PublishPolicy.PRIVATE else "nothing of it is signed"
    with database.writing() as session, pytest.raises(Refused, match=words):
        unpublications.unpublish(session, CALL_ID, NOW)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_killed_in_taking_back_it_is_whole_or_not_at_all(database: Database, step: int):
    """The word and what it drops are one transaction."""
    ended_call(database)
    store(database)
    mortal = MortalDatabase(database, Reaper(step))
    with pytest.raises(Killed), mortal.writing() as session:
        unpublications.unpublish(session, CALL_ID, NOW)
    with database.reading() as session:
        found = publications.get_publication(session, CALL_ID)
    dropped = {each.state for each in found.deliveries} == {DeliveryState.DROPPED}
    assert (bool(found.unpublished_at), dropped) == ((True, True) if step == 3 else (False, False))
