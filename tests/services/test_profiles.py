from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.config.settings import PublishSettings
from agentvoice.core.delivery import DeliveryState
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import ConnectFailed, KeyNotHere
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.services.profiles import FOREIGN
from agentvoice.storage import agents, projects
from agentvoice.storage.profiles import ProfileDelivery, list_profiles, start_profile_attempt
from tests.fakes.nostr_relays import local_relay
from tests.fakes.relay_server import RelayServer, relay_server
from tests.services.press import Press


@pytest.fixture
async def relay():
    async with local_relay() as address:
        yield address


@pytest.fixture
async def press(tmp_path: Path, relay: str):
    made = Press(tmp_path, relay)
    yield made
    await made.close()


async def publish(press: Press, **call: Any) -> None:
    press.finish_call(**call)
    await press.publisher().prepare_waiting()


def stored(press: Press, name: str = "") -> tuple[ProfileDelivery, ...]:
    with press.database.reading() as session:
        return list_profiles(session, press.pubkeys[name] if name else "")


def change(press: Press, **fields: Any) -> None:
    with press.database.writing() as session:
        ada = agents.get_agent(session, "ada").profile
        agents.update_agent(session, replace(ada, **fields), press.clock.utc_ms())


def move(press: Press, *relays: str) -> None:
    press.project = replace(press.project, relays=relays)
    with press.database.writing() as session:
        projects.update_project(session, press.project, press.clock.utc_ms())


async def at(press: Press, relay: str, name: str = "ada") -> tuple[SignedEvent, ...]:
    return await press.relays.fetch(relay, [{"kinds": [0], "authors": [press.pubkeys[name]]}])


async def profile(signer: KeySigner, *tags: tuple[str, ...], created_at: int = 5) -> SignedEvent:
    return await signer.sign(UnsignedEvent(signer.pubkey, created_at, 0, tags, '{"name":"mine"}'))


async def test_relays_of_a_thread_learn_who_its_agents_are(press: Press, relay: str):
    """Each agent that signed, once; not the project, and nobody before there is a thread."""
    profiles = press.profiles()
    assert await profiles.publish_due() == 0
    await publish(press)
    assert await profiles.publish_due() == 2
    assert await profiles.publish_due() == 0
    (ada,), (max_,) = await at(press, relay), await at(press, relay, "max")
    assert (json.loads(ada.content), json.loads(max_.content)["name"]) == (
        {"name": "Ada", "bot": True},
        "Max",
    )
    assert ("p", press.pubkeys["project"]) in ada.tags
    assert await at(press, relay, "project") == ()
    assert {each.state for each in stored(press)} == {DeliveryState.ACCEPTED}


async def test_a_changed_agent_gets_a_newer_profile(press: Press, relay: str):
    """Within the same second too; what readers do not see changes nothing."""
    profiles = press.profiles()
    await publish(press)
    await profiles.publish_due()
    change(press, instructions="Be kind.")
    assert await profiles.publish_due() == 0
    before = stored(press, "ada")[0].event
    change(press, about="Knows gardens.")
    assert await profiles.publish_due() == 1
    (event,) = await at(press, relay)
    assert json.loads(event.content)["about"] == "Knows gardens."
    assert before is not None and event.created_at == before.created_at + 1


async def test_a_relay_that_joins_gets_the_same_event(press: Press, relay: str):
    """Signed once for each change, whatever the number of relays."""
    profiles = press.profiles()
    await publish(press)
    await profiles.publish_due()
    async with local_relay() as other:
        move(press, relay, other)
        await publish(press, call_id="0191" * 8)
        assert await profiles.publish_due() == 2
        assert await at(press, other) == await at(press, relay)


async def test_private_and_held_calls_tell_nobody(press: Press):
    """A profile follows a thread that all may read."""
    await publish(press, policy=PublishPolicy.PRIVATE)
    await publish(press, call_id="0191" * 8, policy=PublishPolicy.REVIEW)
    assert stored(press) == ()


async def test_the_setting_turns_profiles_off(press: Press):
    """Nothing is signed or sent."""
    await publish(press)
    assert await press.profiles(settings=PublishSettings(profiles=False)).publish_due() == 0
    assert all(each.event is None for each in stored(press))


async def test_without_the_owners_project_nobody_is_named(press: Press, relay: str):
    """The settings may name a project that is gone."""
    await publish(press)
    await press.profiles(owner_project="gone").publish_due()
    (event,) = await at(press, relay)
    assert event.tags == (("client", "agentvoice"),)


async def test_a_profile_that_somebody_wrote_stays(press: Press, relay: str):
    """A key that lives elsewhere too keeps its profile, and the status says why."""
    await publish(press)
    signer = await press.keys.load(f"file:{encode_npub(press.pubkeys['ada'])}")
    theirs = await signer.sign(UnsignedEvent(signer.pubkey, 5, 0, (), '{"name":"mine"}'))
    await press.relays.publish(relay, theirs)
    assert await press.profiles().publish_due() == 2
    assert await at(press, relay) == (theirs,)
    (found,) = stored(press, "ada")
    assert (found.state, found.last_answer) == (DeliveryState.REJECTED, FOREIGN)


async def test_a_missing_key_is_asked_for_once_a_minute(press: Press):
    """Others are signed meanwhile; the agent's own is signed when the key is back."""
    asked: list[str] = []
    is_gone = True

    async def load(reference: str):
        asked.append(reference)
        if is_gone and encode_npub(press.pubkeys["ada"]) in reference:
            raise KeyNotHere("key: not here")
        return await press.keys.load(reference)

    await publish(press)
    profiles = press.profiles(load_signer=load)
    assert [await profiles.publish_due(), await profiles.publish_due()] == [1, 0]
    assert len(asked) == 2
    is_gone = False
    await press.clock.advance(61)
    assert await profiles.publish_due() == 1


async def test_another_process_at_it_is_left_alone(press: Press):
    """An attempt of somebody else is not repeated before its time has run out."""
    await publish(press)

    def dial(relay: str) -> str:
        raise ConnectFailed("gone")

    await press.profiles(dial_address=dial).publish_due()
    await press.clock.advance(60)
    for found in stored(press):
        with press.database.writing() as session:
            now = press.clock.utc_ms()
            assert start_profile_attempt(session, found, "another", now, now + 5_000, now + 60_000)
    assert await press.profiles().publish_due() == 0


class TestAnswers:
    """A scripted relay that answers profiles as told."""

    @pytest.fixture
    async def server(self):
        async with relay_server() as running:
            yield running

    @pytest.fixture
    async def press(self, tmp_path: Path, server: RelayServer):
        made = Press(tmp_path, server.address)
        yield made
        await made.close()

    @pytest.mark.parametrize(
        ("words", "state"),
        [
            ("blocked: no bots", DeliveryState.REJECTED),
            ("rate-limited: slow down", DeliveryState.WAITING),
            ("auth-required: who are you", DeliveryState.WAITING),
        ],
    )
    async def test_a_refusal_is_kept(
        self, press: Press, server: RelayServer, words: str, state: DeliveryState
    ):
        """For good or until the next try, with the relay's own words."""
        server.on_request = answer_nothing

        async def refuse(socket, event):
            await socket.send(json.dumps(["OK", event["id"], False, words]))

        server.on_event = refuse
        await publish(press)
        profiles = press.profiles()
        await profiles.publish_due()
        found = stored(press, "ada")[0]
        assert (found.state, found.last_answer, found.attempts) == (state, words, 1)
        await press.clock.advance(7)
        assert await profiles.publish_due() == (2 if state is DeliveryState.WAITING else 0)

    async def test_an_old_profile_expires(self, press: Press, server: RelayServer):
        """A relay that is gone for days is not tried for ever."""
        profiles = press.profiles()
        await publish(press)
        server.on_request = answer_nothing

        async def fail(socket, event):
            await socket.send(json.dumps(["OK", event["id"], False, "error: down"]))

        server.on_event = fail
        await profiles.publish_due()
        await press.clock.advance(6 * 86_400)
        await profiles.publish_due()
        assert {each.state for each in stored(press)} == {DeliveryState.EXPIRED}

    async def test_a_forged_or_foreign_event_is_no_profile(self, press: Press, server: RelayServer):
        """A relay cannot keep an agent silent with what its key never signed."""
        await publish(press)
        other = KeySigner.generate()
        forged = replace(await profile(other), pubkey=press.pubkeys["ada"])

        async def answer(socket, frame):
            for event in (forged, await profile(other)):
                await socket.send(f'["EVENT",{json.dumps(frame[1])},{encode_event(event)}]')
            await socket.send(json.dumps(["EOSE", frame[1]]))

        async def accept(socket, event):
            await socket.send(json.dumps(["OK", event["id"], True, ""]))

        server.on_request, server.on_event = answer, accept
        await press.profiles().publish_due()
        assert {each.state for each in stored(press)} == {DeliveryState.ACCEPTED}


async def answer_nothing(socket, frame) -> None:
    await socket.send(json.dumps(["EOSE", frame[1]]))
