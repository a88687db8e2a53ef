"""The short form; `make kills` is the long one."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.publisher_kills.ledger import Ledger
from tests.publisher_kills.run import Phase, kill_publishers
from tests.publisher_kills.verdict import check_database
from tests.publisher_kills.wire import Life, Step, Wire
from tests.services.press import CALL_ID, Press

POINTS, CALLS = 20, 8
ON_THE_WAY = (Phase.CLAIMED, Phase.SENT, Phase.ANSWERED)
"""Phases in which the publisher does not know yet what the relay has; which one is hit is a matter of luck."""


@pytest.mark.timeout(300)  # each point starts a Python of its own, on a machine that may be busy
async def test_a_killed_publisher_leaves_one_thread_per_call(tmp_path: Path):
    """Killed by SIGKILL wherever it stands, its successors publish each call as one whole thread."""
    report = await kill_publishers(tmp_path, POINTS, CALLS, seed=random.randrange(1_000_000))
    assert report.phases.total() == POINTS, report.text()
    assert sum(report.phases[phase] for phase in ON_THE_WAY) >= POINTS // 5, report.text()


async def test_a_send_that_was_not_written_down_is_seen(tmp_path: Path):
    """The verdict fails if an event went out more often than the database has attempts."""
    wire = Wire("ws://127.0.0.1:1")
    press = Press(tmp_path, "ws://127.0.0.1:1")
    press.finish_call()
    await press.publisher().prepare(CALL_ID)
    await press.close()
    ledger = Ledger(tmp_path / "agentvoice.db")
    for event_id, _, _ in ledger.deliveries():
        wire.sends[event_id] += 1
    _accept_all(ledger)
    check_database(wire, ledger, Counter())
    wire.sends[event_id] += 1
    with pytest.raises(AssertionError, match="cut short"):
        check_database(wire, ledger, Counter())


def _accept_all(ledger: Ledger) -> None:
    with closing(sqlite3.connect(ledger.path)) as connection, connection:
        connection.execute("UPDATE delivery SET state = 'accepted', attempts = 1")
        connection.execute("UPDATE call SET publication = 'published'")


def test_the_last_step_is_the_publishers_own():
    """An OK that the relay gave, and that was held back, is no step of the publisher's."""
    life = Life()
    life.note(Step.ASKED, "a")
    life.note(Step.SENT, "a")
    life.note(Step.STORED, "a")
    assert life.last == (Step.SENT, "a")
    life.note(Step.ANSWERED, "a")
    assert life.last == (Step.ANSWERED, "a")
