"""`published` means: the root and all turns are accepted by enough relays, whoever sent them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from agentvoice.config.settings import PublishSettings
from agentvoice.core.call import PublicationState
from agentvoice.core.publication_status import tell_publication
from agentvoice.services.publisher import Publisher
from agentvoice.storage import publications
from agentvoice.storage.database import Database
from tests.fakes.relay_server import Answer, RelayServer, accept, refuse, relay_server
from tests.services.press import CALL_ID, Press

QUEUED, PUBLISHED, PARTIAL = PublicationState.QUEUED, PublicationState.PUBLISHED, PublicationState.PARTIAL


class Relays:
    """Scripted relays of one test, and a call that is for all of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = AsyncExitStack()
        self.servers: list[RelayServer] = []

    async def press(self, *answers: Answer, enough: int) -> Press:
        self.servers = [await self._stack.enter_async_context(relay_server(each)) for each in answers]
        made = Press(
            self._folder,
            *(server.address for server in self.servers),
            settings=PublishSettings(accepted_relays=enough),
        )
        self._stack.push_async_callback(made.close)
        made.finish_call()
        return made

    async def close(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def relays(tmp_path: Path) -> AsyncIterator[Relays]:
    made = Relays(tmp_path)
    yield made
    await made.close()


def refuse_turn(number: int) -> Answer:
    """Take every event but the `number`-th that comes, however often that is sent."""
    seen: list[str] = []

    async def answer(socket: Any, event: dict[str, Any]) -> None:
        if event["id"] not in seen:
            seen.append(event["id"])
        is_refused = seen.index(event["id"]) == number
        await (refuse("blocked: not this one") if is_refused else accept)(socket, event)

    return answer


async def state_after_sweep(publisher: Publisher) -> PublicationState:
    await publisher.sweep()
    return (await publisher.publication(CALL_ID)).state


async def test_the_second_of_two_makes_it_published(relays: Relays):
    """With one of two it is on its way, and says so; with both it is published, and since when."""
    press = await relays.press(accept, refuse("error: down"), enough=2)
    publisher = press.publisher()
    assert await state_after_sweep(publisher) is QUEUED
    waiting = await publisher.publication(CALL_ID)
    assert waiting.published_at == 0
    assert tell_publication(waiting, 2) == "Not published yet: 1 of 2 relays has the whole thread, 2 must."
    relays.servers[1].on_event = accept
    await press.clock.advance(10)
    assert await state_after_sweep(publisher) is PUBLISHED
    assert (await publisher.publication(CALL_ID)).published_at == press.clock.utc_ms()


async def test_of_fewer_relays_than_wanted_all_must_have_it(relays: Relays):
    """Two are wanted and one is named: nothing could ever be published otherwise."""
    press = await relays.press(refuse_turn(3), enough=2)
    publisher = press.publisher()
    assert await state_after_sweep(publisher) is PARTIAL
    relays.servers[0].on_event = accept
    with press.database.writing() as session:
        publications.retry_publication(session, CALL_ID, press.clock.utc_ms(), 2)
    assert await state_after_sweep(publisher) is PUBLISHED


@pytest.mark.parametrize("enough", [1, 2])
async def test_turns_here_and_turns_there_are_no_thread(relays: Relays, enough: int):
    """Each event is at some relay, but no relay has them all."""
    press = await relays.press(refuse_turn(1), refuse_turn(2), enough=enough)
    publisher = press.publisher()
    assert await state_after_sweep(publisher) is PARTIAL
    publication = await publisher.publication(CALL_ID)
    by_relay = {
        relay: {
            each.event_id
            for each in publication.deliveries
            if each.relay == relay and each.state == "accepted"
        }
        for relay in press.project.relays
    }
    assert set.union(*by_relay.values()) == {each.event.id for each in publication.events}
    assert publication.relays_with_all() == ()


async def test_a_refused_turn_is_not_made_up_by_the_rest(relays: Relays):
    """The first relay lacks one turn; that the second has all of it is enough for one, not for two."""
    press = await relays.press(refuse_turn(2), accept, enough=1)
    assert await state_after_sweep(press.publisher()) is PUBLISHED
    with press.database.writing() as session:
        assert publications.refresh_publication(session, CALL_ID, 2, 0) is PARTIAL


async def test_giving_up_on_a_relay_does_not_lower_the_bar(relays: Relays):
    """Of two wanted one was dropped: the call is not published, until that relay takes it after all."""
    press = await relays.press(accept, refuse("error: down"), enough=2)
    publisher = press.publisher()
    await publisher.sweep()
    away = relays.servers[1].address
    with press.database.writing() as session:
        publications.drop_publication(session, CALL_ID, press.clock.utc_ms(), 2, away)
    assert (await publisher.publication(CALL_ID)).state is PARTIAL
    relays.servers[1].on_event = accept
    with press.database.writing() as session:
        publications.retry_publication(session, CALL_ID, press.clock.utc_ms(), 2, away)
    assert await state_after_sweep(publisher) is PUBLISHED


async def test_published_stays_while_other_relays_are_tried(relays: Relays):
    """One of three is enough: the rest goes on, and what happens there changes nothing any more."""
    press = await relays.press(accept, refuse("error: down"), refuse("pow: 20 bits"), enough=1)
    publisher = press.publisher()
    assert await state_after_sweep(publisher) is PUBLISHED
    since = (await publisher.publication(CALL_ID)).published_at
    relays.servers[1].on_event = accept
    await press.clock.advance(10)
    assert await state_after_sweep(publisher) is PUBLISHED
    publication = await publisher.publication(CALL_ID)
    assert (publication.published_at, len(publication.relays_with_all())) == (since, 2)


async def test_several_daemons_count_together(relays: Relays, tmp_path: Path):
    """Three processes sweep one database at once: each relay gets each event once, and two are enough."""
    press = await relays.press(accept, accept, refuse("blocked: no"), enough=2)
    databases = [Database.open(tmp_path / "agentvoice.db") for _ in range(3)]
    daemons = [press.publisher(database) for database in databases]
    for _ in range(3):
        await asyncio.gather(*(daemon.sweep() for daemon in daemons))
    publication = await daemons[0].publication(CALL_ID)
    assert publication.state is PUBLISHED
    assert set(publication.relays_with_all()) == {server.address for server in relays.servers[:2]}
    ids = [each.event.id for each in publication.events]
    for server in relays.servers[:2]:
        assert sorted(event["id"] for event in server.events) == sorted(ids)
    assert [event["id"] for event in relays.servers[2].events] == ids[:1]
    for database in databases:
        database.close()
