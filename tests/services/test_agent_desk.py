"""Agents as the API changes them; what goes over HTTP is in tests/web/test_agents_api.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.core.agent import AgentProfile
from agentvoice.errors import NotFound, OutOfDate, UsageError
from agentvoice.protocols.agent_json import AgentWish
from agentvoice.services.agent_desk import AgentDesk
from agentvoice.storage.conversations import items_of
from tests.services.press import Press


@pytest.fixture
def press(tmp_path: Path) -> Press:
    return Press(tmp_path)


def desk_of(press: Press) -> AgentDesk:
    return AgentDesk(press.database, press.keys, lambda profile: None, press.clock)


async def test_a_key_is_kept_with_its_agent_only(press: Press):
    """An agent that cannot be stored leaves no key behind."""
    desk = desk_of(press)
    created = await desk.create(AgentWish(AgentProfile("eve", "Eve")))
    keys = press.keys.list()
    assert f"file:{created['npub']}" in keys
    with pytest.raises(UsageError, match="which exists"):
        await desk.create(AgentWish(AgentProfile("eve", "Eve")))
    assert press.keys.list() == keys
    press.database.close()


async def test_two_who_change_the_same_revision_do_not_undo_each_other(press: Press):
    """The second is told that it is out of date; who names no revision writes over it."""
    desk = desk_of(press)
    profile = AgentProfile("ada", "Ada", greeting="One.")
    await desk.change(AgentWish(profile, revision=1))
    with pytest.raises(OutOfDate, match="revision: got 1, want 2"):
        await desk.change(AgentWish(profile, revision=1))
    await desk.change(AgentWish(AgentProfile("ada", "Ada", greeting="Two.")))
    assert (await desk.show("ada"))["greeting"] == "Two."
    press.database.close()


async def test_a_voice_is_checked_before_a_key_is_made(press: Press):
    """What could not be called is not made."""

    def refuse(profile: AgentProfile) -> None:
        raise UsageError("local.voice: got 'x', want another")

    keys = press.keys.list()
    with pytest.raises(UsageError, match=r"local\.voice"):
        await AgentDesk(press.database, press.keys, refuse, press.clock).create(
            AgentWish(AgentProfile("eve", "Eve"))
        )
    assert press.keys.list() == keys
    press.database.close()


async def test_a_removed_agent_is_gone_and_its_key_stays(press: Press):
    """Its slug is free again; the calls that it spoke in show what was said."""
    desk, call_id = desk_of(press), press.finish_call()
    keys = press.keys.list()
    await desk.remove("max")
    assert [each["slug"] for each in await desk.list_agents()] == ["ada"]
    with pytest.raises(NotFound, match="no such agent"):
        await desk.remove("max")
    assert press.keys.list() == keys
    with press.database.reading() as session:
        assert [item.agent for item in items_of(session, call_id)] == ["ada", "ada", "max"]
    assert (await desk.create(AgentWish(AgentProfile("max", "Max"))))["revision"] == 1
    press.database.close()
