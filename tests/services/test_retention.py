"""Deleting calls that are older than the operator keeps them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentvoice.core.call import Call, CallState
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import NotFound
from agentvoice.services import retention
from agentvoice.services.retention import Retention
from agentvoice.storage import conversations
from tests.services.press import CALL_ID, Press

DAY_S = 86_400


@pytest.fixture
async def press(tmp_path: Path):
    made = Press(tmp_path)
    yield made
    await made.close()


async def prune(press: Press, days: int = 30) -> int:
    """Run the job while time goes on."""
    job = asyncio.create_task(Retention(press.database, press.clock, days).prune())
    async with asyncio.timeout(30):
        while not job.done():
            await press.clock.advance(0.1)
            await asyncio.wait({job}, timeout=0.01)
    return job.result()


async def test_old_calls_go_young_ones_stay(press: Press):
    """Both were not to be published; only the one whose days are over is deleted."""
    old = press.finish_call(policy=PublishPolicy.OFF)
    await press.clock.advance(31 * DAY_S)
    young = press.finish_call("f" * 32, policy=PublishPolicy.OFF)
    assert (await prune(press), await prune(press)) == (1, 0)
    with press.database.reading() as session:
        assert conversations.get_call(session, young).id == young
        with pytest.raises(NotFound):
            conversations.get_call(session, old)


async def test_a_call_that_is_not_published_yet_stays(press: Press):
    """However old it is: its key may come back."""
    press.finish_call()
    await press.clock.advance(400 * DAY_S)
    assert await prune(press) == 0


async def test_live_calls_write_between_two_deletions(press: Press, monkeypatch: pytest.MonkeyPatch):
    """The lock of the database is given back after every few rows, so no item waits for a long call."""
    monkeypatch.setattr(retention, "ROWS_PER_TRANSACTION", 5)
    press.finish_call(turns=tuple(("", f"turn {n}") for n in range(60)), policy=PublishPolicy.OFF)
    await press.clock.advance(60 * DAY_S)
    job = asyncio.create_task(Retention(press.database, press.clock, 30).prune())
    written = 0
    async with asyncio.timeout(30):
        while not job.done():
            now = press.clock.utc_ms()
            live = Call(
                f"{written:032x}", "home", "ada", "text", "local", CallState.LIVE, PublishPolicy.OFF,
                ("embedded",), "p", now, now,
            )  # fmt: skip
            with press.database.writing() as session:
                conversations.create_call(session, live)
            written += 1
            await press.clock.advance(0.05)
            await asyncio.wait({job}, timeout=0.01)
    assert (job.result(), written > 5) == (1, True)
    with press.database.reading() as session, pytest.raises(NotFound):
        conversations.get_call(session, CALL_ID)
