"""Threads whose signers are bunkers: real ones that come and go, and bad ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import nostr_sdk
import pytest

from agentvoice.adapters.remote_signer import Bunkers
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import BunkerSettings, PublishSettings, RelaySettings
from agentvoice.core.call import PublicationState
from agentvoice.core.ports import Signer
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.protocols.nostr.nip46 import BunkerLink, decode_address
from agentvoice.services.publisher import UNSIGNED_RETRY_S, Publisher
from agentvoice.storage import preparations, publications
from tests.fakes.ndk_bunker import NdkBunker, ndk_bunker
from tests.fakes.nostr_relays import local_relay
from tests.fakes.scripted_bunker import Asked, keep_silent, obey, scripted_bunker
from tests.services.press import CALL_ID, TURNS, Press

OTHERS_CALL = "0191" * 8
PATIENCE_S = 30.0


class Vault:
    """The press's keys, of which that of max is somewhere else, behind a bunker."""

    def __init__(self, press: Press, timeout_s: float = 20.0) -> None:
        self.press = press
        self.max = press.keys.read(next(
            name for name in press.keys.list() if press.keys.read(name).pubkey == press.pubkeys["max"]
        ))  # fmt: skip
        self.bunkers = Bunkers(RelaySettings(), BunkerSettings(20.0, timeout_s), SystemClock())
        self.link: BunkerLink | None = None

    async def load(self, reference: str) -> Signer:
        signer = await self.press.keys.load(reference)
        if signer.pubkey != self.max.pubkey:
            return signer
        assert self.link is not None
        return self.bunkers.open(self.link, self.max.pubkey)

    def publisher(self) -> Publisher:
        return self.press.publisher(load_signer=self.load)

    async def pair(self, bunker: NdkBunker) -> None:
        pubkey, self.link = await self.bunkers.pair(decode_address("URI", bunker.address))
        assert pubkey == self.max.pubkey


@pytest.fixture
async def relay() -> AsyncIterator[str]:
    async with local_relay() as address:
        yield address


@pytest.fixture
async def press(tmp_path: Path, relay: str) -> AsyncIterator[Press]:
    made = Press(tmp_path, relay)
    yield made
    await made.close()


@pytest.fixture
async def vault(press: Press) -> AsyncIterator[Vault]:
    made = Vault(press, timeout_s=0.7)
    yield made
    await made.bunkers.close()


async def test_a_thread_signed_by_a_bunker_verifies(vault: Vault, relay: str):
    """A long call with an agent in NDK's bunker: published once, read back, and good for rust-nostr."""
    turns = tuple(
        turn for number in range(20) for turn in (("", f"go on {number}"), ("max", f"turn {number}"))
    )
    async with ndk_bunker(relay, signer=vault.max) as bunker:
        await vault.pair(bunker)
        vault.press.finish_call(turns=turns)
        publisher = vault.publisher()
        publication = await publisher.wait_settled(CALL_ID, PATIENCE_S)
        assert publication.state is PublicationState.PUBLISHED, publication.error
        check = await publisher.verify_thread(CALL_ID)
        assert (check.is_verified, check.problems) == (True, ())
        by_max = [event for event in check.events if event.pubkey == vault.max.pubkey]
        assert [event.content for event in by_max] == [f"turn {number}" for number in range(20)]
        for event in check.events:
            assert nostr_sdk.Event.from_json(encode_event(event)).verify()
        await bunker.deny()  # what it was asked is known when it has answered us
        assert bunker.asked.count("sign_event") == 20


async def test_a_bunker_that_is_away_is_waited_for(vault: Vault, relay: str):
    """Killed, its call stays queued with the reason, and is published once when the bunker is back."""
    async with ndk_bunker(relay, signer=vault.max) as bunker:
        await vault.pair(bunker)
        await bunker.kill()
        vault.press.finish_call()
        publisher = vault.publisher()
        await publisher.sweep()
        waiting = await publisher.publication(CALL_ID)
        assert (waiting.state, waiting.events) == (PublicationState.QUEUED, ())
        assert "no answer within 0.7 s: its relays are reached, but it is not there" in waiting.error
        await bunker.start()
        again = Vault(vault.press)  # another process: this one's bunker rests for a while
        again.link = vault.link
        await vault.press.clock.advance(UNSIGNED_RETRY_S + 1)
        publication = await again.publisher().wait_settled(CALL_ID, PATIENCE_S)
        assert publication.state is PublicationState.PUBLISHED
        assert publication.error == ""
        await again.bunkers.close()


async def test_a_silent_bunker_holds_up_its_own_calls_only(press: Press, relay: str):
    """Calls of agents whose keys are here are signed and stored while the bunker is waited for."""
    patient = Vault(press, timeout_s=PATIENCE_S)
    async with scripted_bunker(relay, answer=keep_silent, signer=patient.max) as bunker:
        patient.link = bunker.new_link()
        press.finish_call()
        press.finish_call(OTHERS_CALL, turns=TURNS[:2])  # later: the silent one comes first
        publisher = patient.publisher()
        preparing = asyncio.ensure_future(publisher.prepare_waiting())
        await bunker.until_asked(1)
        async with asyncio.timeout(PATIENCE_S):
            while not (await publisher.publication(OTHERS_CALL)).events:
                assert not preparing.done()
        assert not preparing.done()
        preparing.cancel()
        await asyncio.gather(preparing, return_exceptions=True)
        await patient.bunkers.close()


async def test_many_that_wait_hide_no_others(tmp_path: Path, relay: str):
    """More calls of an absent bunker than one sweep looks at: what can be signed is found all the same."""
    press = Press(tmp_path, relay, settings=PublishSettings(claim_batch=2))
    hasty = Vault(press, timeout_s=0.3)
    async with scripted_bunker(relay, answer=keep_silent, signer=hasty.max) as bunker:
        hasty.link = bunker.new_link()
        for number in range(2):
            press.finish_call(f"018{number}" * 8)
        press.finish_call(OTHERS_CALL, turns=TURNS[:2])
        publisher = hasty.publisher()
        for _ in range(2):
            await publisher.prepare_waiting()
        assert (await publisher.publication(OTHERS_CALL)).events != ()
    await hasty.bunkers.close()
    await press.close()


async def test_a_slow_bunker_is_asked_by_one_process_only(press: Press, relay: str):
    """However long it takes, the right to sign stays with the process that began."""
    patient = Vault(press, timeout_s=PATIENCE_S)
    async with scripted_bunker(relay, answer=keep_silent, signer=patient.max) as bunker:
        patient.link = bunker.new_link()
        press.finish_call()
        signing = asyncio.ensure_future(patient.publisher().prepare(CALL_ID))
        await bunker.until_asked(1)
        await press.hold_lock(rounds=15)
        assert await patient.publisher().prepare(CALL_ID) is PublicationState.QUEUED
        assert not signing.done()
        await obey(bunker.asked[0])
        await signing
        assert len(bunker.asked) == 1
        assert len((await patient.publisher().publication(CALL_ID)).events) == len(TURNS) + 1
    await patient.bunkers.close()


async def test_a_refusal_fails_the_call_with_the_bunkers_words(vault: Vault, relay: str):
    """Nothing is published; when the bunker's owner has thought better of it, a retry publishes."""
    async with ndk_bunker(relay, signer=vault.max) as bunker:
        await vault.pair(bunker)
        await bunker.deny("sign_event")
        vault.press.finish_call()
        publisher = vault.publisher()
        await publisher.sweep()
        refused = await publisher.publication(CALL_ID)
        assert (refused.state, refused.events) == (PublicationState.FAILED, ())
        assert "refused: Not authorized" in refused.error
        await bunker.deny()
        with vault.press.database.writing() as session:
            publications.retry_publication(session, CALL_ID, vault.press.clock.utc_ms(), 1)
        settled = await publisher.wait_settled(CALL_ID, PATIENCE_S)
        assert settled.state is PublicationState.PUBLISHED


async def test_a_bunker_that_changes_the_words_publishes_nothing(vault: Vault, relay: str):
    """What is published is what was said, or nothing."""

    async def put_words_in_its_mouth(asked: Asked) -> None:
        await asked.answer(encode_event(await asked.sign(content="I never said that.")))

    async with scripted_bunker(relay, answer=put_words_in_its_mouth, signer=vault.max) as bunker:
        vault.link = bunker.new_link()
        vault.press.finish_call()
        publisher = vault.publisher()
        await publisher.sweep()
        publication = await publisher.publication(CALL_ID)
        assert (publication.state, publication.events) == (PublicationState.FAILED, ())
        assert "it signed another event than it was asked to" in publication.error
        assert await vault.press.relays.fetch(relay, [{"kinds": [1]}]) == ()


async def test_two_processes_that_sign_one_thread_store_one(press: Press, relay: str):
    """When a lock is lost while a bunker is slow, both sign, and exactly one set of events is published."""
    held: list[Asked] = []

    async def hold_two(asked: Asked) -> None:
        held.append(asked)
        while len(held) == 2:
            for each in held:
                await obey(each)
            held.clear()

    one, two = Vault(press), Vault(press)
    async with scripted_bunker(relay, answer=hold_two, signer=one.max) as bunker:
        one.link, two.link = bunker.new_link(), bunker.new_link()
        press.finish_call()
        publishers = [one.publisher(), two.publisher()]
        first = asyncio.ensure_future(publishers[0].prepare(CALL_ID))
        await bunker.until_asked(1)
        with press.database.writing() as session:
            preparations.release_preparation(session, CALL_ID, "process-1")
        await press.clock.advance(1)  # their events are of other times, so other events
        await asyncio.gather(first, publishers[1].prepare(CALL_ID))
        assert len(bunker.asked) == 2
        publication = await publishers[1].wait_settled(CALL_ID, PATIENCE_S)
        assert publication.state is PublicationState.PUBLISHED
        found = await press.relays.fetch(relay, [{"kinds": [1]}])
        assert {event.id for event in found} == {stored.event.id for stored in publication.events}
        assert len(publication.events) == len(TURNS) + 1
    for vault in (one, two):
        await vault.bunkers.close()
