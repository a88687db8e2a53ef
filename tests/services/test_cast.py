from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.errors import NotFound, Refused
from agentvoice.services.cast import Cast
from agentvoice.storage import agents
from tests.services.conftest import ADA, MAX, PROJECT, House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    built = House(tmp_path)
    yield built
    await built.close()


@pytest.fixture
async def cast(house: House) -> Cast:
    return Cast(house.database, PROJECT)


async def test_a_session_is_configured_with_agent_instructions_and_targets(cast: Cast):
    """The rendered instructions name the agent and its project; everybody else can be handed to."""
    revision, config = await cast.config_of("ada")
    assert (revision.profile, config.agent) == (ADA, ADA)
    assert "Ada" in config.instructions
    assert "Home" in config.instructions
    assert [target.slug for target in config.targets] == ["max"]


async def test_an_edit_is_effective_at_once(house: House, cast: Cast):
    """Nothing is cached: the next call or handover gets the new revision."""
    first, _ = await cast.config_of("max")
    with house.database.writing() as session:
        agents.update_agent(session, replace(MAX, instructions="Speak of ships."), house.clock.utc_ms())
    second, config = await cast.config_of("max")
    assert (first.number, second.number) == (1, 2)
    assert "Speak of ships." in config.instructions


async def test_a_disabled_agent_neither_answers_nor_is_a_target(house: House, cast: Cast):
    """The refusal names the command that helps; nobody is offered as target who would refuse."""
    with house.database.writing() as session:
        agents.set_agent_enabled(session, "max", False, house.clock.utc_ms())
    with pytest.raises(Refused, match="agentvoice agent enable max"):
        await cast.config_of("max")
    _, config = await cast.config_of("ada")
    assert config.targets == ()


async def test_an_unknown_agent_is_not_found(cast: Cast):
    """The name is in the error."""
    with pytest.raises(NotFound, match="eve"):
        await cast.config_of("eve")
