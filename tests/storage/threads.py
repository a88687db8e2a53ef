"""Finished calls and their threads, as the tests of storage want them."""

from __future__ import annotations

from agentvoice.core.call import EndReason
from agentvoice.core.event import SignedEvent
from agentvoice.storage import conversations, preparations
from agentvoice.storage.database import Database
from tests.storage.values import NOW, call, hex_id, item

CALL_ID = hex_id(1)
RELAYS = ("embedded", "wss://r.example")


def event(number: int, content: str = "hello") -> SignedEvent:
    return SignedEvent(
        f"{number:064x}", "a" * 64, 1_700_000_000 + number, 1, (("t", "ä"),), content, "c" * 128
    )


EVENTS = (event(1), event(2, "Grüße 😀\n"), event(3))


def ended_call(database: Database, number: int = 1, text: str = "hi", **changes: object) -> str:
    made = call(number, **changes)
    with database.writing() as session:
        conversations.create_call(session, made)
        conversations.upsert_item(session, made.id, item(number, text=text))
        conversations.end_call(session, made.id, EndReason.CALLER, NOW + number)
    return made.id


def store(database: Database, call_id: str = CALL_ID, events: tuple[SignedEvent, ...] = EVENTS) -> bool:
    with database.writing(durable=True) as session:
        return preparations.store_thread(session, call_id, events, RELAYS, NOW)
