"""Events that a relay accepted and lost."""

from __future__ import annotations

from sqlalchemy import update

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryState
from agentvoice.storage import publications
from agentvoice.storage.database import Database
from agentvoice.storage.publication_models import DeliveryRow
from agentvoice.storage.resending import LOST, queue_lost
from tests.storage.threads import CALL_ID, EVENTS, RELAYS, ended_call, store
from tests.storage.values import NOW


def accept_all(database: Database) -> None:
    with database.writing() as session:
        session.execute(update(DeliveryRow).values(state=DeliveryState.ACCEPTED.value, attempts=3))


def test_a_lost_event_waits_again_at_that_relay_only(database: Database):
    """Its tries begin anew, and the thread stands where its deliveries say."""
    ended_call(database)
    store(database)
    accept_all(database)
    lost = EVENTS[1].id
    with database.writing() as session:
        assert queue_lost(session, CALL_ID, {RELAYS[1]: [lost]}, NOW + 5, 2) == 1
        found = publications.get_publication(session, CALL_ID)
    assert found.state is PublicationState.QUEUED
    open_ones = [each for each in found.deliveries if each.state is DeliveryState.WAITING]
    assert [(each.event_id, each.relay, each.attempts, each.next_attempt_at, each.last_answer) for each in open_ones] == [
        (lost, RELAYS[1], 0, NOW + 5, LOST)
    ]  # fmt: skip


def test_what_was_not_accepted_cannot_be_lost(database: Database):
    """Waiting deliveries keep their tries and their time."""
    ended_call(database)
    store(database)
    with database.writing() as session:
        assert queue_lost(session, CALL_ID, {RELAYS[0]: [each.id for each in EVENTS]}, NOW + 5, 1) == 0
        found = publications.get_publication(session, CALL_ID)
    assert {each.next_attempt_at for each in found.deliveries} == {NOW}
