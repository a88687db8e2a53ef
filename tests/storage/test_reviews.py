from __future__ import annotations

from agentvoice.core.project import PublishPolicy
from agentvoice.storage import preparations, reviews
from agentvoice.storage.database import Database
from tests.storage.threads import ended_call
from tests.storage.values import NOW, hex_id


def test_review(database: Database):
    """Approved it is queued, rejected it never will be; a second word changes nothing."""
    for number in (1, 2):
        ended_call(database, number, policy=PublishPolicy.REVIEW)
    with database.writing() as session:
        assert reviews.approve_publication(session, hex_id(1))
        assert not reviews.reject_publication(session, hex_id(1))
        assert reviews.reject_publication(session, hex_id(2))
        assert not reviews.approve_publication(session, hex_id(2))
        assert preparations.list_unprepared(session, NOW, 10) == (hex_id(1),)
