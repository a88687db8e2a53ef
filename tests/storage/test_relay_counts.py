"""How many relays have the threads of a page."""

from __future__ import annotations

from sqlalchemy import update

from agentvoice.core.delivery import DeliveryState
from agentvoice.storage.database import Database
from agentvoice.storage.publication_models import DeliveryRow
from agentvoice.storage.relay_counts import RelayCount, count_relays
from tests.storage.threads import CALL_ID, RELAYS, ended_call, event, store
from tests.storage.values import NOW, hex_id


def test_relays_are_counted_for_each_call(database: Database):
    """Complete are those that accepted every event; the next try is that of what is open."""
    ended_call(database)
    store(database)
    ended_call(database, 2)
    store(database, hex_id(2), (event(11), event(12)))
    with database.writing() as session:
        mine = update(DeliveryRow).where(DeliveryRow.call_id == CALL_ID)
        session.execute(mine.where(DeliveryRow.relay == RELAYS[0]).values(state=DeliveryState.ACCEPTED.value))
        session.execute(mine.where(DeliveryRow.relay == RELAYS[1]).values(next_attempt_at=NOW + 70))
        session.execute(
            mine.where(DeliveryRow.relay == RELAYS[1], DeliveryRow.is_root.is_(True)).values(
                state=DeliveryState.ACCEPTED.value, next_attempt_at=NOW + 1
            )
        )
        found = count_relays(session, [CALL_ID, hex_id(2), hex_id(3)])
    assert found == {CALL_ID: RelayCount(2, 1, NOW + 70), hex_id(2): RelayCount(2, 0, NOW)}


def test_a_page_without_calls_is_counted(database: Database):
    """No ids, no counts."""
    with database.reading() as session:
        assert count_relays(session, []) == {}
