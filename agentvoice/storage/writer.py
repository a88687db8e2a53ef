"""The process's one writer: a thread that commits in groups, so that no event loop waits for a disk.

It commits what is queued as soon as it is free, without a timer: alone when idle, up to
`commit_rows` at once under load. While the disk stalls, operations wait in memory, in order, and
are tried again; beyond `queue_rows` new ones are refused and counted.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import structlog
from sqlalchemy.orm import Session

from agentvoice.core.ports import Clock
from agentvoice.errors import AgentVoiceError, StorageError, StorageRefused
from agentvoice.storage.database import Database

log = structlog.get_logger(__name__)

Result = TypeVar("Result")
Operation = Callable[[Session], Result]
"""Writes with the session it is given, may be run again after a rollback, and commits nothing."""

QUEUE_ROWS = 10_000
COMMIT_ROWS = 50
RETRY_S = 0.25
"""Pause between two tries while the disk stalls."""


@dataclass(frozen=True, slots=True)
class WriterStalled:
    """The database takes no writes for now; told once for each stall."""

    error: AgentVoiceError
    waiting_rows: int


@dataclass(frozen=True, slots=True)
class WriterRecovered:
    """The first commit after a stall."""

    stalled_s: float
    waiting_rows: int


@dataclass(frozen=True, slots=True)
class WriterOverflowed:
    """The queue is full and rows are refused; told once for each time it fills up."""

    refused_rows: int


WriterReport = WriterStalled | WriterRecovered | WriterOverflowed


@dataclass(slots=True)
class _Entry:
    operation: Operation[Any]
    durable: bool
    done: Future[Any]


class Writer:
    """Writes to a database in the order of submission, for all threads and loops of the process.

    `report` is called from the writer's thread (an overflow: from the submitter's) besides the log.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        queue_rows: int = QUEUE_ROWS,
        commit_rows: int = COMMIT_ROWS,
        retry_s: float = RETRY_S,
        report: Callable[[WriterReport], None] = lambda report: None,
    ) -> None:
        self.refused_rows = 0
        self._database = database
        self._clock = clock
        self._queue_rows = queue_rows
        self._commit_rows = commit_rows
        self._retry_s = retry_s
        self._report = report
        self._queue: deque[_Entry] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self._is_abandoned = False
        self._is_full = False
        self._stalled_since_s: float | None = None
        # A daemon thread: a disk that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="storage-writer", daemon=True)
        self._thread.start()

    @property
    def waiting_rows(self) -> int:
        """Operations not yet committed, those in the commit in flight included."""
        return len(self._queue)

    @property
    def is_stalled(self) -> bool:
        """Whether the database takes no writes for now."""
        return self._stalled_since_s is not None

    def submit(self, operation: Operation[Result], *, durable: bool = False) -> Future[Result]:
        """Queue an operation and return at once; the future is resolved after its commit.

        The future carries the operation's result or error, StorageError if the queue is full or the
        writer closed. It cannot be cancelled: what was submitted is written. `durable`: as of
        Database.writing.
        """
        done: Future[Result] = Future()
        done.set_running_or_notify_cancel()
        overflow: WriterOverflowed | None = None
        with self._changed:
            if self._is_closing:
                done.set_exception(StorageError("database: the writer is closed"))
            elif len(self._queue) >= self._queue_rows:
                overflow = self._refuse(done)
            else:
                self._is_full = False
                self._queue.append(_Entry(operation, durable, done))
                self._changed.notify_all()
        if overflow is not None:
            self._tell(overflow)
        return done

    async def write(self, operation: Operation[Result], *, durable: bool = False) -> Result:
        """Submit an operation and wait for its commit without holding up the loop."""
        return await asyncio.wrap_future(self.submit(operation, durable=durable))

    def flush(self) -> Future[None]:
        """Return a future that is resolved when all that was submitted before is committed."""
        return self.submit(_nothing)

    def close(self, timeout_s: float) -> int:
        """Take no more, write what waits, stop; return how many rows were given up.

        It blocks, at most `timeout_s`; then the rest is given up: its futures carry StorageError. May
        be called twice.
        """
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        with self._changed:
            self._is_abandoned = True
            given_up = tuple(self._queue)
            self._queue.clear()
            self._changed.notify_all()
        for entry in given_up:
            entry.done.set_exception(StorageError("database: the writer closed before it could write this"))
        if given_up:
            _log(log.error, "rows_given_up", rows=len(given_up))
        return len(given_up)

    def _refuse(self, done: Future[Any]) -> WriterOverflowed | None:
        self.refused_rows += 1
        done.set_exception(
            StorageError(f"database: {self._queue_rows} rows wait already, this one is refused")
        )
        if self._is_full:
            return None
        self._is_full = True
        return WriterOverflowed(self.refused_rows)

    # The writer's thread.

    def _run(self) -> None:
        while group := self._next_group():
            try:
                self._commit(group)
            except (StorageError, StorageRefused) as error:
                if _may_pass(error):
                    self._wait_for_disk(error)
                else:
                    self._commit_singly(group)
            except Exception:  # any fault of one operation: its neighbours must not suffer
                self._commit_singly(group)

    def _next_group(self) -> tuple[_Entry, ...]:
        """Return what to commit next, leaving it queued; empty when there is nothing more to do."""
        with self._changed:
            while not self._queue and not self._is_closing:
                self._changed.wait()
            return tuple(islice(self._queue, self._commit_rows))

    def _commit(self, group: tuple[_Entry, ...]) -> None:
        durable = any(entry.durable for entry in group)
        with self._database.writing(durable=durable) as session:
            results = [_run_one(entry, session) for entry in group]
        self._after_commit()
        self._resolve(group, results)

    def _commit_singly(self, group: tuple[_Entry, ...]) -> None:
        """Find the faulty ones of a group: each operation gets a transaction of its own."""
        for entry in group:
            if self._is_abandoned:
                return
            try:
                self._commit((entry,))
            except (StorageError, StorageRefused) as error:
                if _may_pass(error):
                    self._wait_for_disk(error)
                    return  # it and those after it are still queued, in order
                self._fail(entry, error)
            except Exception as error:
                self._fail(entry, error)

    def _fail(self, entry: _Entry, error: Exception) -> None:
        # Most submitters do not look at the future: the log is where a lost row is seen.
        if not isinstance(error, AgentVoiceError) or isinstance(error, StorageError):
            _log(log.error, "row_lost", error=str(error), kind=type(error).__name__)
        if self._take_off(1):
            entry.done.set_exception(error)

    def _resolve(self, group: tuple[_Entry, ...], results: list[Any]) -> None:
        if self._take_off(len(group)):
            for entry, result in zip(group, results, strict=True):
                entry.done.set_result(result)

    def _take_off(self, rows: int) -> bool:
        """Drop the first rows of the queue; False if close() has given them up meanwhile."""
        with self._changed:
            if self._is_abandoned:
                return False
            for _ in range(rows):
                self._queue.popleft()
            return True

    def _wait_for_disk(self, error: AgentVoiceError) -> None:
        if self._stalled_since_s is None:
            self._stalled_since_s = self._clock.monotonic_s()
            _log(log.error, "writer_stalled", error=str(error), waiting_rows=self.waiting_rows)
            self._tell(WriterStalled(error, self.waiting_rows))
        with self._changed:
            if not self._is_abandoned:
                self._changed.wait_for(lambda: self._is_abandoned, self._retry_s)

    def _after_commit(self) -> None:
        if self._stalled_since_s is not None:
            stalled_s = self._clock.monotonic_s() - self._stalled_since_s
            self._stalled_since_s = None
            _log(
                log.warning, "writer_recovered", stalled_s=round(stalled_s, 3), waiting_rows=self.waiting_rows
            )
            self._tell(WriterRecovered(stalled_s, self.waiting_rows))

    def _tell(self, report: WriterReport) -> None:
        try:
            self._report(report)
        except Exception:
            _log(log.exception, "writer_report_failed")


def _run_one(entry: _Entry, session: Session) -> Any:
    result = entry.operation(session)
    session.flush()  # what this operation left pending fails here, not in a neighbour's query
    return result


def _log(write: Callable[..., Any], happened: str, **fields: object) -> None:
    # Logs often go to the disk that has just failed: that must not end the writer's thread.
    with suppress(Exception):
        write(happened, **fields)


def _may_pass(error: AgentVoiceError) -> bool:
    # A disk that fails is often remounted read-only: refused today, but the rows may yet be saved.
    return error.retryable or isinstance(error, StorageRefused)


def _nothing(session: Session) -> None:
    """Write nothing; its turn comes after all before it."""
