from __future__ import annotations

from pathlib import Path

import pytest
from nostr_sdk import LocalRelayBuilderNip42, LocalRelayBuilderNip42Mode

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryEvent, DeliveryState
from agentvoice.core.project import ThreadShape
from agentvoice.errors import Refused
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.services.unpublishing import unpublish_call
from agentvoice.storage import publications
from agentvoice.storage.deliveries import Attempt
from agentvoice.storage.outcomes import Outcome, record_outcomes
from tests.fakes.nostr_reader import read_thread
from tests.fakes.nostr_relays import local_relay
from tests.services.press import CALL_ID, Press


@pytest.fixture
async def relay():
    async with local_relay() as address:
        yield address


@pytest.fixture
async def press(tmp_path: Path, relay: str):
    made = Press(tmp_path, relay)
    made.finish_call()
    yield made
    await made.close()


def take_back(press: Press) -> tuple[str, ...]:
    change = unpublish_call(press.database, CALL_ID, press.clock.utc_ms())
    assert (change.call, change.state) == (CALL_ID, "none")
    return tuple(change.relays)


async def kinds_at(press: Press, relay: str) -> list[int]:
    found = await press.relays.fetch(relay, [{"authors": list(press.pubkeys.values())}])
    return sorted(event.kind for event in found)


async def test_a_real_relay_forgets_the_thread(press: Press, relay: str):
    """One deletion per signer, by itself; rust-nostr's relay has nothing of the thread thereafter."""
    publisher = press.publisher()
    await publisher.sweep()
    assert await kinds_at(press, relay) == [1, 1, 1, 1]
    assert take_back(press) == (relay,)
    await publisher.sweep()
    assert await kinds_at(press, relay) == [5, 5, 5]
    found = await publisher.publication(CALL_ID)
    assert (found.state, len(found.events)) == (PublicationState.NONE, 4)
    assert {each.event.pubkey for each in found.deletions} == set(press.pubkeys.values())
    assert {each.state for each in found.deletion_deliveries} == {DeliveryState.ACCEPTED}
    for each in found.deletions:
        named = {tag[1] for tag in each.event.tags if tag[0] == "e"}
        assert named == {one.event.id for one in found.events if one.event.pubkey == each.event.pubkey}


async def test_a_second_time_repeats_nothing_and_a_retry_never_sends_it_again(press: Press):
    """Deletions are signed once; of the thread nothing is ever queued again."""
    publisher = press.publisher()
    await publisher.sweep()
    take_back(press)
    await publisher.sweep()
    before = await publisher.publication(CALL_ID)
    take_back(press)
    await publisher.sweep()
    assert await publisher.publication(CALL_ID) == before
    with press.database.writing() as session, pytest.raises(Refused, match="never sent again"):
        publications.retry_publication(session, CALL_ID, press.clock.utc_ms(), 1)


async def test_a_late_acceptance_gets_its_deletion(press: Press):
    """An answer that comes after the word means that the relay has it: it is asked to delete."""
    publisher = press.publisher()
    assert await publisher.prepare(CALL_ID) is PublicationState.QUEUED
    assert take_back(press) == ()
    await publisher.sweep()
    assert (await publisher.publication(CALL_ID)).deletion_deliveries == ()
    stored = await publisher.publication(CALL_ID)
    attempt = Attempt(stored.deliveries[0], stored.events[0].event, "another")
    with press.database.writing() as session:
        record_outcomes(session, [Outcome(attempt, DeliveryEvent.ACCEPTED, "")], press.clock.utc_ms(), 1)
    await publisher.sweep()
    found = await publisher.publication(CALL_ID)
    assert found.state is PublicationState.NONE
    assert len(found.deletion_deliveries) == 3


async def test_a_missing_key_is_said_and_the_others_delete(press: Press):
    """Who can sign does; the thread says what is missing, and another try is made later."""
    publisher = press.publisher()
    await publisher.sweep()
    press.keys.remove(f"file:{encode_npub(press.pubkeys['max'])}")
    take_back(press)
    await publisher.sweep()
    found = await publisher.publication(CALL_ID)
    assert len(found.deletions) == 2
    assert "a deletion is not signed yet" in found.error


async def test_an_event_that_has_expired_is_not_sent(tmp_path: Path):
    """Also not by a retry: the delivery is expired, and no relay is dialled."""
    async with local_relay() as address:
        press = Press(tmp_path, address, expiration_days=1)
        press.finish_call()
        publisher = press.publisher()
        assert await publisher.prepare(CALL_ID) is PublicationState.QUEUED
        await press.clock.advance(2 * 86_400)
        for _ in range(2):
            await publisher.deliver_due()
            found = await publisher.publication(CALL_ID)
            assert {each.state for each in found.deliveries} == {DeliveryState.EXPIRED}
            assert "NIP-40" in found.deliveries[0].last_answer
            with press.database.writing() as session:
                publications.retry_publication(session, CALL_ID, press.clock.utc_ms(), 1)
        assert await kinds_at(press, address) == []
        await press.close()


@pytest.mark.parametrize("shape", [ThreadShape.SINGLE, ThreadShape.THREAD])
@pytest.mark.parametrize("asks_first", [False, True])
async def test_a_protected_thread_is_taken_from_its_authors(
    tmp_path: Path, asks_first: bool, shape: ThreadShape
):
    """A real relay wants AUTH as each author before it takes events with NIP-70's tag, and gets it."""
    auth = LocalRelayBuilderNip42(mode=LocalRelayBuilderNip42Mode.WRITE)
    async with local_relay(**({"nip42": auth} if asks_first else {})) as address:
        press = Press(tmp_path, address, shape=shape, protected=True, expiration_days=36_500)
        press.finish_call()
        publisher = press.publisher()
        await publisher.sweep()
        found = await publisher.publication(CALL_ID)
        assert found.state is PublicationState.PUBLISHED, [each.last_answer for each in found.deliveries]
        read = await read_thread(found.events[0].event.id, address)
        wanted = 1 if shape is ThreadShape.SINGLE else 4
        assert [["-"] in [tag.to_vec() for tag in event.tags()] for event in read] == [True] * wanted
        await press.close()
