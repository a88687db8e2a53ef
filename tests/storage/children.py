"""Other processes for the tests of this floor: `python -m tests.storage.children ROLE ADDRESS`.

Each prints one line when it is ready and goes on when it reads one; answers are printed as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import sys
import threading
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import structlog

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.errors import AgentVoiceError
from agentvoice.storage import conversations
from agentvoice.storage.database import Database
from agentvoice.storage.writer import Operation, Writer, WriterReport
from tests.storage.values import NOW, call, hex_id, item

NOBODY = 65534


def say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def put(number: int) -> Operation[None]:
    return lambda session: conversations.upsert_item(session, hex_id(1), item(number))


def acknowledge(number: int, done: Future[None]) -> None:
    if not done.exception():
        say(number)


def write_items(address: str) -> None:
    """Write without end, naming each item once its commit is acknowledged."""
    writer = Writer(Database.open(address), SystemClock())
    writer.submit(lambda session: conversations.create_call(session, call())).result()
    for number in range(1, 1_000_000):
        done = writer.submit(put(number))
        done.add_done_callback(partial(acknowledge, number))
        if number % 20 == 0:  # now and then wait, so that groups of all sizes are under way
            done.result()


def hold_lock(address: str) -> None:
    connection = sqlite3.connect(address, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    say("locked")
    sys.stdin.readline()
    connection.execute("ROLLBACK")
    say("free")


def take_crashed(address: str) -> None:
    database = Database.open(address)
    say("ready")
    sys.stdin.readline()
    taken: list[str] = []
    for _ in range(20):
        with database.writing() as session:
            taken += conversations.take_crashed_calls(session, NOW * 2, f"process-{os.getpid()}")
    say(taken)


def upgrade(address: str) -> None:
    say("ready")
    sys.stdin.readline()
    database = Database.open(address, create=True, upgrade=True)
    say(database.schema_version())


def try_as_nobody(address: str) -> None:
    """Read, write, and create a neighbour of a database as a user without rights."""
    import alembic.command  # noqa: F401 - loaded while its files can be read

    if os.geteuid() == 0:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    answers: dict[str, object] = {}

    def attempt(name: str, *, create: bool, write: bool, path: str = address) -> None:
        try:
            database = Database.open(path, create=create)
            if write:
                with database.writing() as session:
                    conversations.create_call(session, call(7))
            else:
                with database.reading() as session:
                    conversations.list_calls(session)
            answers[name] = None
        except AgentVoiceError as error:
            answers[name] = [type(error).__name__, error.exit_code, str(error)]

    attempt("read", create=False, write=False)
    attempt("write", create=False, write=True)
    attempt("create", create=True, write=False, path=str(Path(address).with_name("new.db")))
    attempt("create below", create=True, write=False, path=str(Path(address).parent / "new" / "new.db"))
    say(answers)


def fill_disk(address: str) -> None:
    """Write while the disk takes nothing, then while it does again; the log is on that disk too."""
    with open(f"{address}.log", "w") as log_file:
        os.dup2(log_file.fileno(), sys.stderr.fileno())
    database = Database.open(address)
    reports: list[WriterReport] = []
    told = threading.Event()

    def report(happened: WriterReport) -> None:
        reports.append(happened)
        told.set()

    writer = Writer(database, SystemClock(), retry_s=0.02, report=report)
    writer.submit(lambda session: conversations.create_call(session, call())).result()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, unlimited[1]))
    done = [writer.submit(put(number)) for number in range(1, 121)]
    told.wait()
    say("waiting")
    sys.stdin.readline()
    stalled = {
        "done": sum(one.done() for one in done),
        "is_stalled": writer.is_stalled,
        "rows": writer.waiting_rows,
    }
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    writer.flush().result(10)
    failed = [str(one.exception()) for one in done if one.exception()]
    say({"stalled": stalled, "failed": failed, "reports": [type(report).__name__ for report in reports]})


ROLES = {
    role.__name__: role for role in (write_items, hold_lock, take_crashed, upgrade, try_as_nobody, fill_disk)
}

if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    ROLES[sys.argv[1]](sys.argv[2])
