from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text

from agentvoice.core.call import CallState
from agentvoice.core.usage import UsageGroup
from agentvoice.storage import callers, conversations, deliveries, publications, usage
from agentvoice.storage.database import Database
from agentvoice.storage.models import SpokenText
from agentvoice.storage.outcomes import expire_waiting
from tests.storage.values import NOW, hex_id

DUE_DELIVERIES = (
    "SELECT id FROM delivery WHERE state IN ('waiting', 'attempting') AND next_attempt_at <= 5"
    " AND locked_until < 5 ORDER BY next_attempt_at LIMIT 100"
)
THREAD_OF_A_CALL = "SELECT * FROM event WHERE call_id = 'c' ORDER BY position"
DELIVERIES_OF_A_CALL = "SELECT * FROM delivery WHERE call_id = 'c'"
TO_PUBLISH = "SELECT id FROM call WHERE publication = 'queued' ORDER BY ended_at LIMIT 10"

QUERIES = {
    "call show: the call": lambda session: session.scalar(text("SELECT id FROM call WHERE id = 'c'")),
    "call show: items": lambda session: conversations.items_of(session, hex_id(1)),
    "call show: agents": lambda session: conversations.agents_of(session, hex_id(1)),
    "call show: revisions": lambda session: conversations.revisions_of(session, hex_id(1)),
    "call show: thread": lambda session: session.execute(text(THREAD_OF_A_CALL)),
    "call show: deliveries": lambda session: session.execute(text(DELIVERIES_OF_A_CALL)),
    "history": lambda session: conversations.list_calls(session, before=hex_id(9)),
    "history of a project": lambda session: conversations.list_calls(session, project="garden"),
    "history of an agent": lambda session: conversations.list_calls(session, agent="ada"),
    "history of a state": lambda session: conversations.list_calls(session, state=CallState.LIVE),
    "history of a caller": lambda session: conversations.list_calls(session, caller="local"),
    "callers": lambda session: callers.callers_of(session, [hex_id(1)]),
    "threads under way": lambda session: publications.list_publications(session, calls=[hex_id(1)]),
    "due deliveries": lambda session: session.execute(text(DUE_DELIVERIES)),
    "due relays": lambda session: deliveries.list_due_relays(session, NOW),
    "due deliveries of a relay": lambda session: deliveries.list_due(session, "embedded", NOW, 100),
    "a relay postponed": lambda session: deliveries.postpone_relay(session, "embedded", NOW),
    "a relay hastened": lambda session: deliveries.hasten_relay(session, "embedded", NOW),
    "relays that may be back": lambda session: deliveries.list_postponed_relays(session, NOW),
    "strange times": lambda session: deliveries.has_strange_times(session, NOW, NOW),
    "deliveries too old": lambda session: expire_waiting(session, "embedded", NOW, 10, NOW, 1),
    "threads to publish": lambda session: session.execute(text(TO_PUBLISH)),
    "crashed calls": lambda session: conversations.take_crashed_calls(session, NOW, "me"),
    "a project's month": lambda session: usage.project_spent(
        session, "garden", NOW, NOW + 1, but=[hex_id(1)]
    ),
    "a caller's hour": lambda session: usage.calls_of_caller(session, "local", NOW),
    "usage of a call": lambda session: usage.usage_of(session, hex_id(1)),
    "usage report": lambda session: usage.report_usage(session, UsageGroup.PROJECT, NOW, NOW + 1),
    "leases": lambda session: conversations.renew_leases(session, "me", NOW, [hex_id(1)]),
}


def plans(database: Database, query) -> list[str]:
    """The plans of every statement that `query` runs."""
    statements: list[tuple[str, Any]] = []
    engine = database._engine
    event.listen(
        engine, "before_cursor_execute", lambda c, k, sql, values, *rest: statements.append((sql, values))
    )
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.writing() as session:
        query(session)
        # Small tables are read whole whatever their indexes: the question is whether one would do.
        if not database.is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
        connection = session.connection()
        return [
            "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + sql, values))
            for sql, values in statements
            if sql.startswith(("SELECT", "UPDATE"))
        ]


def reads_a_whole_table(line: str) -> bool:
    """Whether a line of SQLite's plan reads a table without an index; a list of given values is none."""
    is_of_values = line.startswith(("SCAN CONSTANT ROW", "SCAN (subquery"))
    return line.startswith("SCAN") and "USING" not in line and not is_of_values


@pytest.mark.parametrize("name", QUERIES)
def test_frequent_queries_use_an_index(database: Database, name: str):
    """No statement behind it reads a whole table."""
    found = plans(database, QUERIES[name])
    assert found
    for plan in found:
        assert "Seq Scan" not in plan
        assert not [line for line in plan.splitlines() if reads_a_whole_table(line)], plan


def test_a_month_s_budget_reads_the_project_s_rows_only(database: Database):
    """The sum goes by the index of project and time, not through the usage of all projects."""
    (plan,) = plans(database, QUERIES["a project's month"])
    assert "ix_usage_project_used_at" in plan


def test_a_query_without_an_index_is_seen(database: Database):
    """The test above can fail: a search by an unindexed column reads the whole table."""
    (plan,) = plans(database, lambda session: session.execute(text("SELECT id FROM item WHERE text = 'x'")))
    assert "Seq Scan" in plan or plan.startswith("SCAN")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        ("", ""),
        ("a\x00", "a\ufffd"),
        ("\ud800", "\ufffd"),
        ("\udc00x", "\ufffdx"),
        ("\N{PARTY POPPER}", "\N{PARTY POPPER}"),
        ("e\u0301\u200d\ufeff\x01", "e\u0301\u200d\ufeff\x01"),
    ],
)
def test_spoken_text_is_storable(sqlite_database: Database, given: str | None, kept: str | None):
    """Only what a database refuses is replaced."""
    bound = SpokenText().process_bind_param(given, sqlite_database._engine.dialect)
    assert bound == kept
    if bound is not None:
        bound.encode()
