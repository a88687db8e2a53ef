"""How long the frequent reads take in a database of a million items."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median

from sqlalchemy import text
from sqlalchemy.orm import Session

from agentvoice.storage import conversations, deliveries
from agentvoice.storage.database import Database
from tests.benchmarks.figures import Row, spread
from tests.benchmarks.house import BEGAN_AT, SAID, call_id, data_folder

CALLS = 5_000
ITEMS_PER_CALL = 200
EVENTS_PER_CALL = 20
UNDELIVERED_CALLS = 50
PROJECTS = 7
READS = 50
READ_GOAL_MS = 50

# In SQL: a million items made in Python would take longer than all that is measured.
FILL = (
    f"""
    INSERT INTO call (id, project, agent, transport, engine, state, policy, relays, owner_id,
                      lease_until, started_at, ended_at, publication)
    WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {CALLS})
    SELECT printf('%032x', x), 'p' || x % {PROJECTS}, 'ada', 'text', 'local', 'ended', 'public', 'embedded',
           'benchmark', 0, {BEGAN_AT}, {BEGAN_AT}, 'published' FROM n
    """,
    f"""
    INSERT INTO item (id, call_id, position, kind, role, agent, text, status, started_at, completed_at)
    WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x < {CALLS * ITEMS_PER_CALL - 1})
    SELECT printf('%032x', x), printf('%032x', 1 + x / {ITEMS_PER_CALL}), x % {ITEMS_PER_CALL}, 'message',
           'agent', 'ada', '{SAID}', 'completed', {BEGAN_AT}, {BEGAN_AT} FROM n
    """,
    f"""
    INSERT INTO event (id, call_id, position, pubkey, kind, created_at, json, published_text)
    SELECT id || '{"0" * 32}', call_id, position, '{"a" * 64}', 1, {BEGAN_AT // 1_000}, x'7b7d', text
    FROM item WHERE position < {EVENTS_PER_CALL}
    """,
    f"""
    INSERT INTO delivery (call_id, event_id, relay, is_root, state, created_at, next_attempt_at)
    SELECT call_id, id, 'embedded', position = 0,
           CASE WHEN call_id > printf('%032x', {CALLS - UNDELIVERED_CALLS}) THEN 'waiting' ELSE 'accepted' END,
           {BEGAN_AT}, {BEGAN_AT} FROM event
    """,
)


def run() -> list[Row]:
    """Fill a database and read from its middle."""
    with data_folder() as settings:
        database = Database.open(settings.database_place)
        try:
            with database.writing() as session:
                for statement in FILL:
                    session.execute(text(statement))
            return [measure(database, what, read) for what, read in READ_BY_NAME.items()]
        finally:
            database.close()


def measure(database: Database, what: str, read: Callable[[Session], object]) -> Row:
    """Read so often, each time in a transaction of its own."""
    times_ms: list[float] = []
    for _ in range(READS):
        began_s = time.perf_counter()
        with database.reading() as session:
            read(session)
        times_ms.append((time.perf_counter() - began_s) * 1_000)
    parts = f"{CALLS * ITEMS_PER_CALL:,} items, {CALLS * EVENTS_PER_CALL:,} deliveries: {spread(times_ms)} ms"
    return Row(f"{what}, p50", median(times_ms), "ms", READ_GOAL_MS, parts=parts)


def show_call(session: Session) -> None:
    """Read what `call show` shows of a call."""
    middle = call_id(CALLS // 2)
    conversations.get_call(session, middle)
    conversations.agents_of(session, middle)
    if len(conversations.items_of(session, middle)) != ITEMS_PER_CALL:
        raise RuntimeError("the call in the middle has not all its items")


READ_BY_NAME: dict[str, Callable[[Session], object]] = {
    "call show": show_call,
    "history page": partial(conversations.list_calls, before=call_id(CALLS // 2)),
    "history page of a project": partial(conversations.list_calls, project="p3"),
    "due deliveries found": partial(deliveries.list_due, relay="embedded", now=BEGAN_AT + 1, limit=100),
}
