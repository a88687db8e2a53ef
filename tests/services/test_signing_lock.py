from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agentvoice.errors import StorageBusy
from agentvoice.services.signing_lock import RENEWED_EVERY_S, SIGNING_LOCK_MS, signing_lock
from agentvoice.storage import preparations
from agentvoice.storage.database import Database
from tests.services.press import CALL_ID, Press


@pytest.fixture
async def press(tmp_path: Path):
    made = Press(tmp_path)
    made.finish_call()
    yield made
    await made.close()


def claim(press: Press, owner_id: str) -> bool:
    now = press.clock.utc_ms()
    with press.database.writing() as session:
        return preparations.claim_preparation(session, CALL_ID, owner_id, now, now + SIGNING_LOCK_MS)


async def pass_time(press: Press, seconds: int) -> None:
    """Move the clock second by second, and let the database's threads come to an end."""
    for _ in range(seconds):
        await press.clock.advance(1)
        await asyncio.to_thread(lambda: None)
        await press.clock.settle()


async def test_it_is_held_as_long_as_signing_takes(press: Press):
    """Far beyond its own time nobody else gets it; soon after the block ends, another does."""
    assert claim(press, "one")
    async with signing_lock(press.database, press.clock, "one", CALL_ID):
        for _ in range(4):
            await pass_time(press, SIGNING_LOCK_MS // 1_000)
            assert not claim(press, "two")
    await pass_time(press, SIGNING_LOCK_MS // 1_000 + 1)
    assert claim(press, "two")


async def test_one_that_is_lost_is_not_taken_back(press: Press):
    """Another's right is left to it: this process asks for it no more."""
    async with signing_lock(press.database, press.clock, "one", CALL_ID):
        assert claim(press, "two")
        await pass_time(press, SIGNING_LOCK_MS // 1_000 + 1)
        assert press.clock.next_timer_s is None
        assert claim(press, "three")


class BusyDatabase:
    """A database whose lock another process holds."""

    def __init__(self, database: Database) -> None:
        self.reading = database.reading

    def writing(self, *, durable: bool = False) -> None:
        raise StorageBusy("database: busy")


async def test_a_busy_database_is_asked_again(press: Press):
    """One renewal that fails is logged; it is no reason to stop signing."""
    with capture_logs() as logs:
        async with signing_lock(BusyDatabase(press.database), press.clock, "one", CALL_ID):  # type: ignore[arg-type]  # what the lock uses of it
            await pass_time(press, round(2 * RENEWED_EVERY_S) + 1)
    assert [log["event"] for log in logs] == ["signing_lock_not_renewed"] * 2
