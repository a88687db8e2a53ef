from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from agentvoice.errors import NotFound, StorageError
from agentvoice.storage import conversations
from agentvoice.storage.database import Database
from agentvoice.storage.writer import (
    Writer,
    WriterOverflowed,
    WriterRecovered,
    WriterReport,
    WriterStalled,
)
from tests.storage.values import call, hex_id, item

CALL = hex_id(1)
LIMIT_S = 20.0


def put(number: int):
    return lambda session: conversations.upsert_item(session, CALL, item(number))


def begin(writer: Writer) -> None:
    writer.submit(lambda session: conversations.create_call(session, call())).result(LIMIT_S)


def positions(database: Database) -> list[int]:
    with database.reading() as session:
        return [stored.position for stored in conversations.items_of(session, CALL)]


class Gate:
    """An operation that keeps the writer busy until it is opened."""

    def __init__(self, writer: Writer) -> None:
        self._opened = threading.Event()
        entered = threading.Event()

        def wait(session) -> None:
            entered.set()
            self._opened.wait(LIMIT_S)

        self.done = writer.submit(wait)
        assert entered.wait(LIMIT_S)

    def open(self) -> None:
        self._opened.set()


async def test_a_write_is_committed_when_it_returns(database: Database, new_writer: Callable[..., Writer]):
    """The awaited result is the operation's, and another connection sees the row."""
    writer = new_writer(database)
    await writer.write(lambda session: conversations.create_call(session, call()))
    await writer.write(put(1))
    assert await writer.write(lambda session: "answer") == "answer"
    assert await asyncio.to_thread(positions, database) == [1]


def test_operations_run_in_their_order(database: Database, new_writer: Callable[..., Writer]):
    """Across commits of any size, the order of submission is the order of writing."""
    writer = new_writer(database, commit_rows=7)
    ran: list[int] = []

    def note(number: int, session: Session) -> None:
        ran.append(number)

    gate = Gate(writer)
    for number in range(100):
        writer.submit(partial(note, number))
    gate.open()
    writer.flush().result(LIMIT_S)
    assert ran == list(range(100))


def test_what_is_queued_is_committed_together(sqlite_database: Database, new_writer: Callable[..., Writer]):
    """A free writer takes what waits, at most commit_rows at once."""
    writer = new_writer(sqlite_database, commit_rows=50)
    begin(writer)
    gate = Gate(writer)
    commits: list[int] = []
    event.listen(sqlite_database._engine, "commit", lambda connection: commits.append(1))
    done = [writer.submit(put(number)) for number in range(120)]
    gate.open()
    for one in done:
        one.result(LIMIT_S)
    assert len(commits) == 1 + 3  # the gate's own, then 50 + 50 + 20
    assert positions(sqlite_database) == list(range(120))


def test_one_bad_row_spares_its_neighbours(database: Database, new_writer: Callable[..., Writer]):
    """A refused row fails its own future only; those around it are written, in order."""
    writer = new_writer(database)
    begin(writer)
    gate = Gate(writer)
    before, after = writer.submit(put(1)), writer.submit(put(3))
    taken = writer.submit(lambda session: conversations.upsert_item(session, CALL, item(9, position=1)))
    unknown = writer.submit(lambda session: conversations.get_call(session, "nobody"))
    fault = writer.submit(lambda session: 1 // 0)
    last = writer.submit(put(4))
    gate.open()
    for good in (before, after, last):
        assert good.exception(LIMIT_S) is None
    assert isinstance(taken.exception(LIMIT_S), StorageError)
    assert isinstance(unknown.exception(LIMIT_S), NotFound)
    assert isinstance(fault.exception(LIMIT_S), ZeroDivisionError)
    assert positions(database) == [1, 3, 4]


def test_a_row_that_fails_late_is_the_one_that_fails(database: Database, new_writer: Callable[..., Writer]):
    """What an operation leaves for the flush is charged to it, not to the next one."""
    from agentvoice.storage.call_log import CallLogEntry, add_log_entry

    writer = new_writer(database)
    begin(writer)
    gate = Gate(writer)
    orphan = writer.submit(lambda session: add_log_entry(session, CallLogEntry("nobody", 1, "ended")))
    good = writer.submit(put(1))
    gate.open()
    assert isinstance(orphan.exception(LIMIT_S), StorageError)
    assert good.exception(LIMIT_S) is None


def test_a_full_queue_refuses_and_says_so_once(sqlite_database: Database, new_writer: Callable[..., Writer]):
    """Beyond queue_rows new rows are refused and counted; what was taken is written."""
    reports: list[WriterReport] = []
    writer = new_writer(sqlite_database, queue_rows=5, report=reports.append)
    begin(writer)
    for round_number in (1, 2):
        gate = Gate(writer)
        done = [writer.submit(put(10 * round_number + number)) for number in range(7)]
        assert [type(one.exception(0)) for one in done[4:]] == [StorageError] * 3
        assert (writer.refused_rows, writer.waiting_rows) == (3 * round_number, 5)
        gate.open()
        assert [one.exception(LIMIT_S) for one in done[:4]] == [None] * 4
    assert positions(sqlite_database) == [10, 11, 12, 13, 20, 21, 22, 23]
    assert reports == [WriterOverflowed(1), WriterOverflowed(4)]


async def test_the_loop_never_waits_for_the_disk(
    sqlite_path, sqlite_database: Database, new_writer: Callable[..., Writer], start_child
):
    """While another process holds the lock, submitting returns at once and the loop turns."""
    writer = new_writer(sqlite_database)
    await writer.write(lambda session: conversations.create_call(session, call()))
    holder = start_child("hold_lock", sqlite_path)
    assert await asyncio.to_thread(holder.answer) == "locked"
    loop = asyncio.get_running_loop()
    slowest_s = 0.0
    done = []
    for number in range(200):
        before_s = loop.time()
        done.append(asyncio.wrap_future(writer.submit(put(number))))
        await asyncio.sleep(0)
        slowest_s = max(slowest_s, loop.time() - before_s)
    assert slowest_s < 0.05
    assert not any(one.done() for one in done)
    holder.go_on()
    await asyncio.gather(*done)
    assert await asyncio.to_thread(positions, sqlite_database) == list(range(200))


def test_capture_failure_keeps_the_call(
    sqlite_path, sqlite_database: Database, new_writer: Callable[..., Writer], start_child
):
    """A database that takes no writes is reported once; the items are written when it does again."""
    reports: list[WriterReport] = []
    told = threading.Event()

    def report(happened: WriterReport) -> None:
        reports.append(happened)
        told.set()

    writer = new_writer(sqlite_database, retry_s=0.02, report=report)
    begin(writer)
    holder = start_child("hold_lock", sqlite_path)
    assert holder.answer() == "locked"
    first = writer.submit(put(1))
    assert told.wait(LIMIT_S)
    later = [writer.submit(put(number)) for number in range(2, 80)]
    assert writer.is_stalled
    assert not first.done()
    holder.go_on()
    assert [one.exception(LIMIT_S) for one in (first, *later)] == [None] * 79
    writer.flush().result(LIMIT_S)
    assert [type(one) for one in reports] == [WriterStalled, WriterRecovered]
    assert isinstance(reports[0], WriterStalled) and "lock" in str(reports[0].error)
    assert positions(sqlite_database) == list(range(1, 80))


def test_a_full_disk_is_survived(sqlite_path, sqlite_database: Database, start_child):
    """The disk takes nothing, then recovers: no row is lost, one stall is told."""
    child = start_child("fill_disk", sqlite_path)
    assert child.answer() == "waiting"
    child.go_on()
    assert child.answer() == {
        "stalled": {"done": 0, "is_stalled": True, "rows": 120},
        "failed": [],
        "reports": ["WriterStalled", "WriterRecovered"],
    }
    assert positions(sqlite_database) == list(range(1, 121))


def test_a_report_that_fails_harms_nothing(sqlite_database: Database, new_writer: Callable[..., Writer]):
    """A fault in the reporting callback costs neither the submitter nor the writer."""

    def fail(report: WriterReport) -> None:
        raise RuntimeError("no")

    writer = new_writer(sqlite_database, queue_rows=1, report=fail)
    gate = Gate(writer)
    assert isinstance(writer.submit(put(1)).exception(0), StorageError)
    gate.open()
    gate.done.result(LIMIT_S)
    begin(writer)


def test_close_writes_what_waits(sqlite_database: Database, new_writer: Callable[..., Writer]):
    """Closing drains the queue; afterwards rows are refused; closing again is harmless."""
    writer = new_writer(sqlite_database)
    begin(writer)
    done = [writer.submit(put(number)) for number in range(300)]
    assert writer.close(LIMIT_S) == 0
    assert all(one.exception(0) is None for one in done)
    assert positions(sqlite_database) == list(range(300))
    assert "closed" in str(writer.submit(put(1)).exception(0))
    assert writer.close(0) == 0


def test_close_gives_up_at_its_deadline(
    sqlite_path, sqlite_database: Database, new_writer: Callable[..., Writer], start_child
):
    """With the database locked for good, close returns in time and says how much it gave up."""
    writer = new_writer(sqlite_database, retry_s=0.02)
    begin(writer)
    holder = start_child("hold_lock", sqlite_path)
    assert holder.answer() == "locked"
    done = [writer.submit(put(number)) for number in range(3)]
    assert writer.close(0.3) == 3
    assert ["closed before" in str(one.exception(0)) for one in done] == [True] * 3


def test_a_submitted_row_cannot_be_cancelled(sqlite_database: Database, new_writer: Callable[..., Writer]):
    """A task that is cancelled while it waits does not take its row with it."""
    writer = new_writer(sqlite_database)
    begin(writer)

    async def abandon() -> None:
        gate = Gate(writer)
        task = asyncio.create_task(writer.write(put(1)))
        await asyncio.sleep(0)
        task.cancel()
        gate.open()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(abandon())
    writer.flush().result(LIMIT_S)
    assert positions(sqlite_database) == [1]


def test_durable_rows_are_on_the_disk(sqlite_database: Database, new_writer: Callable[..., Writer]):
    """A durable operation's commit is a synchronous one, the next one's is not."""
    writer = new_writer(sqlite_database)
    level = lambda session: session.scalar(text("PRAGMA synchronous"))  # noqa: E731 - two uses, one line
    assert writer.submit(level, durable=True).result(LIMIT_S) == 2
    assert writer.submit(level).result(LIMIT_S) == 1


@pytest.mark.parametrize("rows", [1, 35, 400])
def test_acknowledged_items_survive_kill_9(address: str, start_child, rows: int):
    """Whatever was acknowledged before SIGKILL is there, and nothing after a gap."""
    child = start_child("write_items", address)
    acknowledged = [child.answer() for _ in range(rows)]
    child.kill()
    while (number := child.answer()) is not None:  # said, but not yet read
        acknowledged.append(number)
    database = Database.open(address)
    kept = positions(database)
    database.close()
    assert len(acknowledged) >= rows
    assert acknowledged == list(range(1, len(acknowledged) + 1))
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) >= len(acknowledged)
