"""What the daemon does again and again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from agentvoice.config import Settings
from agentvoice.config.settings import DatabaseSettings, PublishSettings
from agentvoice.core.call import Call, CallState, EndReason, PublicationState
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.project import PublishPolicy
from agentvoice.services import jobs
from agentvoice.services.jobs import schedule_jobs
from agentvoice.storage import conversations
from tests.fakes.nostr_reader import read_thread
from tests.fakes.nostr_relays import local_relay
from tests.services.conftest import House
from tests.services.press import CALL_ID, Press

QUICK = Settings(publish=PublishSettings(sweep_interval_s=0.05))


async def nothing() -> None:
    """Stands for the embedded relay, which these tests do not need."""


async def settled(press: Press, wanted: PublicationState) -> None:
    publisher = press.publisher()
    async with asyncio.timeout(30):
        while (await publisher.publication(CALL_ID)).state is not wanted:
            await asyncio.wait({asyncio.ensure_future(nothing())}, timeout=0.01)


async def test_a_call_left_open_by_a_crash_is_closed_and_published(tmp_path: Path, house: House):
    """Nobody asks for it: its lease ran out, it is ended as a crash, signed, and on the relay once."""
    async with local_relay() as relay:
        (tmp_path / "press").mkdir()
        press = Press(tmp_path / "press", relay)
        now = press.clock.utc_ms()
        call = Call(
            CALL_ID, "home", "ada", "text", "local", CallState.LIVE, PublishPolicy.PUBLIC, (relay,),
            "dead", now - 1_000, now - 60_000,
        )  # fmt: skip
        said = Item("1" * 32, 0, ItemKind.MESSAGE, Role.USER, "ada", "Hello?", ItemStatus.COMPLETED)
        half = replace(
            said, id="2" * 32, position=1, role=Role.AGENT, text="I am", status=ItemStatus.IN_PROGRESS
        )
        with press.database.writing() as session:
            conversations.create_call(session, call)
            conversations.add_call_agent(session, CALL_ID, press.revisions[0], call.started_at)
            for item in (said, half):
                conversations.upsert_item(session, CALL_ID, item)
        manager = house.manager
        manager._writer = type(manager._writer)(press.database, press.clock)
        manager.clock = press.clock
        publisher = press.publisher()
        scheduler = schedule_jobs(
            QUICK, press.database, press.clock, manager, publisher, press.profiles(), nothing
        )
        scheduler.start()
        await settled(press, PublicationState.PUBLISHED)
        await scheduler.stop()
        publication = await publisher.publication(CALL_ID)
        with press.database.reading() as session:
            assert conversations.get_call(session, CALL_ID).end_reason is EndReason.CRASH
        found = await read_thread(publication.events[0].event.id, relay)
        assert {event.id().to_hex() for event in found} == {each.event.id for each in publication.events}
        await asyncio.to_thread(manager._writer.close, 5.0)
        await press.close()


async def test_old_calls_are_deleted_only_where_the_operator_wants_it(
    tmp_path: Path, house: House, monkeypatch
):
    """0 days: for ever, so there is no such job."""
    monkeypatch.setattr(jobs, "RETENTION_INTERVAL_S", 0.05)
    (tmp_path / "press").mkdir()
    press = Press(tmp_path / "press")
    for days, wanted in ((0, set()), (30, {"retention"})):
        settings = replace(QUICK, database=DatabaseSettings(retention_days=days))
        scheduler = schedule_jobs(
            settings, press.database, press.clock, house.manager, press.publisher(), press.profiles(), nothing
        )
        names = {job.name for job in scheduler._scheduler.get_jobs()}
        assert (
            names
            == {
                "embedded relay",
                "crashed calls",
                "publish",
                "relays that are back",
                "deliveries",
                "profiles",
            }
            | wanted
        )
    await press.close()
