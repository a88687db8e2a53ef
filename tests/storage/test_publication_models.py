from __future__ import annotations

import pytest
from sqlalchemy import select, text

from agentvoice.errors import StorageError
from agentvoice.storage.database import Database
from agentvoice.storage.publication_models import DeliveryRow, ProfileDeliveryRow
from tests.storage.threads import ended_call, store
from tests.storage.values import NOW


def profile(digest: str) -> ProfileDeliveryRow:
    return ProfileDeliveryRow(
        pubkey="a" * 64,
        relay="wss://r.example",
        digest=digest,
        json=b"{}",
        created_at=NOW,
        state="waiting",
        next_attempt_at=NOW,
    )


def test_what_was_stored_before_is_a_threads(database: Database):
    """A row that says no purpose, as all from before the column, is part of its thread."""
    ended_call(database)
    store(database)
    with database.writing() as session:
        session.execute(
            text(
                "INSERT INTO delivery (call_id, event_id, relay, is_root, state, created_at, next_attempt_at)"
                " SELECT call_id, event_id, 'wss://old.example', is_root, state, created_at, next_attempt_at"
                " FROM delivery WHERE relay = 'embedded'"
            )
        )
    with database.reading() as session:
        purposes = session.scalars(
            select(DeliveryRow.purpose).where(DeliveryRow.relay == "wss://old.example")
        ).all()
    assert purposes == ["thread"] * 3


def test_a_relay_has_one_profile_of_an_agent(database: Database):
    """A second profile of a key for a relay takes the row of the first, never a row of its own."""
    with database.writing() as session:
        session.add(profile("1" * 64))
    with pytest.raises(StorageError), database.writing() as session:
        session.add(profile("2" * 64))
