"""A call of three hours: the provider's limit of an hour is met three times."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.speech import (
    CreateItem,
    ResponseEnded,
    ResponseStatus,
    SessionLost,
    UsageReported,
)
from agentvoice.storage import agents, usage
from tests.fakes.speech_session import FIXED, FakeEngine
from tests.services.conftest import ADA, House
from tests.services.restoring import hang_up

MINUTES = 180
LIMIT_MINUTES = 60
STORY_MINUTES = range(108, 116)
"""The agent talks through the whole margin before the second session's limit: no quiet moment is found."""


async def talk(house: House, minute: int, *, end: bool) -> None:
    """A question, its transcript, and the answer to it, heard while it is told."""
    session, response = house.session, f"r{minute}"
    session.emit_turn(f"u{minute}", f"question {minute}")
    session.emit_reply(response, f"answer {minute}", 100, end=False)
    session.emit(UsageReported(response, "gpt-realtime-2.1", input_text_tokens=minute, output_audio_tokens=7))
    if end:
        session.emit(ResponseEnded(response, ResponseStatus.COMPLETED))
    await house.settle()
    house.leg.hear_all()
    await house.settle()


def ages_of_sessions(house: House, opened_at_s: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(opened_at_s)]


async def test_three_hours_cross_three_limits(tmp_path: Path):
    """No item is lost, none doubled, and all usage is kept: two quiet moves and one forced."""
    house = House(tmp_path, FakeEngine("openai", replace(FIXED, max_session_s=LIMIT_MINUTES * 60)))
    house.settings = replace(house.settings, max_minutes=300)
    house.manager = house.new_manager()
    with house.database.writing() as session:
        agents.update_agent(session, replace(ADA, engines=("openai",), greeting=""), house.clock.utc_ms())
    call = await house.live_call()
    opened_at_s, expired = [house.clock.monotonic_s()], 0
    for minute in range(MINUTES):
        is_story = minute in STORY_MINUTES
        await talk(house, minute, end=not is_story)
        if len(house.engine.sessions) > len(opened_at_s):
            opened_at_s.append(house.clock.monotonic_s())
        await house.clock.advance(60.0)
        await house.settle()
        if len(house.engine.sessions) > len(opened_at_s):
            opened_at_s.append(house.clock.monotonic_s())
        if house.clock.monotonic_s() - opened_at_s[-1] >= LIMIT_MINUTES * 60:
            expired += 1
            house.session.emit(SessionLost("session_expired", expired=True))
            await house.settle()
            opened_at_s.append(house.clock.monotonic_s())
    call_id = await hang_up(house, call)
    items = house.items(call_id)
    with house.database.reading() as session:
        entries = usage.usage_of(session, call_id)
    await house.close()

    assert (len(house.engine.sessions), expired) == (4, 1)
    assert all(age <= LIMIT_MINUTES * 60 for age in ages_of_sessions(house, opened_at_s))
    said = [(item.role, item.text) for item in items if item.kind is ItemKind.MESSAGE]
    assert said == [
        line
        for minute in range(MINUTES)
        for line in ((Role.USER, f"question {minute}"), (Role.AGENT, f"answer {minute}"))
    ]
    assert [item.position for item in items] == list(range(len(items)))
    assert len({item.id for item in items}) == len(items)
    assert all(item.is_finished for item in items)
    assert [entry.input_text_tokens for entry in entries] == list(range(MINUTES))
    assert sum(entry.output_audio_tokens for entry in entries) == 7 * MINUTES
    # 4 USD for a million tokens of text in, 64 USD for a million of sound out.
    assert [entry.cost_nano_usd for entry in entries] == [4_000 * n + 64_000 * 7 for n in range(MINUTES)]
    assert sum(entry.cost_nano_usd for entry in entries) == 145_080_000
    replayed: list[Item] = [command.item for command in house.session.told_of(CreateItem)]
    assert [item.id for item in replayed] == [item.id for item in items[: len(replayed)]]
    assert ItemStatus.IN_PROGRESS not in {item.status for item in replayed}
