from __future__ import annotations

from agentvoice.storage import conversations
from agentvoice.storage.call_log import CallLogEntry, add_log_entry, log_of
from agentvoice.storage.database import Database
from tests.storage.values import NOW, call, hex_id


def test_the_log_of_a_call_is_in_order(database: Database):
    """Happenings come back in the order of writing, each call's for itself."""
    entries = [
        CallLogEntry(hex_id(1), NOW, name, "why") for name in ("session_lost", "session_joined", "ended")
    ]
    with database.writing() as session:
        conversations.create_call(session, call(1))
        conversations.create_call(session, call(2))
        for entry in entries:
            add_log_entry(session, entry)
        add_log_entry(session, CallLogEntry(hex_id(2), NOW, "ended"))
    with database.reading() as session:
        assert list(log_of(session, hex_id(1))) == entries
