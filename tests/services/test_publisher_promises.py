"""What a caller and an operator were promised holds, however projects and processes change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.core.call import PublicationState
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import KeyNotHere
from agentvoice.storage import projects
from tests.fakes.relay_server import RelayServer, relay_server
from tests.services.press import CALL_ID, Press


@pytest.fixture
async def server() -> AsyncIterator[RelayServer]:
    async with relay_server() as running:
        yield running


async def test_a_call_goes_where_its_caller_was_told(tmp_path: Path, server: RelayServer):
    """A project that is pointed elsewhere after a call takes only later calls there."""
    async with relay_server() as named_later:
        press = Press(tmp_path, server.address)
        press.finish_call()
        moved = replace(press.project, relays=(named_later.address,), policy=PublishPolicy.OFF)
        with press.database.writing() as session:
            projects.update_project(session, moved, press.clock.utc_ms())
        publication = await press.publisher().wait_settled(CALL_ID, 20)
        await press.close()
        assert publication.state is PublicationState.PUBLISHED
        assert named_later.connections == 0
    assert {delivery.relay for delivery in publication.deliveries} == {server.address}
    assert len(server.events) == len(publication.events)


async def test_a_key_of_another_process_is_left_to_it(tmp_path: Path, server: RelayServer):
    """A process without the variable that holds a key neither fails the thread nor asks at each sweep."""
    press = Press(tmp_path, server.address)
    press.finish_call()
    asked: list[str] = []

    async def load(reference: str):
        asked.append(reference)
        raise KeyNotHere("key env:ADA: the environment variable is not set here")

    without = press.publisher(load_signer=load)
    await without.sweep()
    await without.sweep()
    assert len(asked) == 1
    assert (await without.publication(CALL_ID)).state is PublicationState.QUEUED
    assert (await press.publisher().wait_settled(CALL_ID, 20)).state is PublicationState.PUBLISHED
    await press.clock.advance(61)
    await without.sweep()
    assert len(asked) == 1  # it is done: nobody needs to be asked again
    await press.close()
