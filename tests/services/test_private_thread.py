from __future__ import annotations

import json
from pathlib import Path

import nostr_sdk
import pytest
from sqlalchemy import text

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.call import PublicationState
from agentvoice.core.event import UnsignedEvent
from agentvoice.core.project import PublishPolicy
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.protocols.nostr.nip19 import decode_secret
from agentvoice.services.call_document import read_publication_document
from tests.fakes.nostr_tools import ask_nostr_tools
from tests.fakes.relay_server import RelayServer, relay_server
from tests.services.press import CALL_ID, Killed, MortalDatabase, MortalRelays, Press, Reaper

FRIEND = KeySigner.generate()
STRANGER = KeySigner.generate()


@pytest.fixture
async def server():
    async with relay_server() as running:
        running.on_request = answer_nothing
        yield running


async def answer_nothing(socket, frame) -> None:
    await socket.send(json.dumps(["EOSE", frame[1]]))


def private_press(folder: Path, server: RelayServer) -> Press:
    press = Press(folder, server.address, readers=(FRIEND.pubkey,), policy=PublishPolicy.PRIVATE)
    press.finish_call(policy=PublishPolicy.PRIVATE)
    return press


def read_as(secret: str, event: dict) -> nostr_sdk.UnwrappedGift:
    """Open a wrap with rust-nostr, which nobody here wrote."""
    wrap = nostr_sdk.Event.from_json(json.dumps(event))
    return nostr_sdk.UnwrappedGift.from_gift_wrap(nostr_sdk.Keys.parse(secret), wrap)


async def test_each_reader_gets_one_copy_and_nobody_else_reads_it(tmp_path: Path, server: RelayServer):
    """The project and each named reader open exactly one wrap, sealed by the author; a stranger none."""
    press = private_press(tmp_path, server)
    publication = await press.publisher().wait_settled(CALL_ID, 20)
    assert publication.state is PublicationState.PUBLISHED
    project = await press.keys.load(f"file:{nostr_sdk.PublicKey.parse(press.pubkeys['project']).to_bech32()}")
    for reader in (project, FRIEND):
        mine = [event for event in server.events if ["p", reader.pubkey] in event["tags"]]
        (wrap,) = mine
        gift = read_as(reader.reveal(), wrap)
        assert gift.sender().to_hex() == press.pubkeys["project"]
        rumor = json.loads(gift.rumor().as_json())
        assert rumor["kind"] == 14
        assert "Ada: Ada here." in rumor["content"] and "Caller: Good morning." in rumor["content"]
        assert ["realtime-session", CALL_ID] in rumor["tags"]
        secret = decode_secret("secret", reader.reveal()).hex()
        (by_javascript,) = ask_nostr_tools([{"do": "unwrap59", "secret": secret, "wrap": wrap}])
        assert json.loads(by_javascript) == rumor
        with pytest.raises(nostr_sdk.NostrSdkError):
            read_as(STRANGER.reveal(), wrap)
    await press.close()


async def test_the_wire_tells_nothing_of_the_call(tmp_path: Path, server: RelayServer):
    """No text, id, title or key of the call in any byte; the reader's tag alone, by keys used once."""
    press = private_press(tmp_path, server)
    await press.publisher().wait_settled(CALL_ID, 20)
    sent = json.dumps(server.events)
    for hidden in (
        CALL_ID,
        "Good morning.",
        "Ada here.",
        '"Home"',
        "voice-conversation",
        press.pubkeys["ada"],
    ):
        assert hidden not in sent
    assert {event["kind"] for event in server.events} == {1059}
    authors = {event["pubkey"] for event in server.events}
    assert len(authors) == 2 and not authors & {*press.pubkeys.values(), FRIEND.pubkey}
    assert all([tag[0] for tag in event["tags"]] == ["p"] for event in server.events)
    now_s = press.clock.utc_ms() // 1_000
    assert all(now_s - 2 * 86_400 <= event["created_at"] <= now_s for event in server.events)
    await press.close()


async def test_a_reader_is_served_at_the_relays_of_their_own_list(tmp_path: Path, server: RelayServer):
    """A wrap goes to its reader's kind-10050 relays alone; readers without a list get it at the project's."""
    async with relay_server() as inbox:
        press = Press(
            tmp_path, server.address, inbox.address, readers=(FRIEND.pubkey,), policy=PublishPolicy.PRIVATE
        )
        press.finish_call(policy=PublishPolicy.PRIVATE)
        inbox.on_request = answer_nothing
        tags = (("relay", f"{inbox.address}/"),)
        own_list = encode_event(await FRIEND.sign(UnsignedEvent(FRIEND.pubkey, 5, 10_050, tags, "")))

        async def answer(socket, frame):
            await socket.send(f'["EVENT",{json.dumps(frame[1])},{own_list}]')
            await socket.send(json.dumps(["EOSE", frame[1]]))

        server.on_request = answer
        publication = await press.publisher().wait_settled(CALL_ID, 20)
        assert publication.state is PublicationState.PUBLISHED
        by_relay = [
            [tag[1] for event in each.events for tag in event["tags"] if tag[0] == "p"]
            for each in (server, inbox)
        ]
        project = press.pubkeys["project"]
        assert by_relay == [[project], [project, FRIEND.pubkey]]
        await press.close()


async def test_a_private_call_has_no_link_and_keeps_its_text_here(tmp_path: Path, server: RelayServer):
    """The document's nevent is null; what was sent can be read in the operator's own database."""
    press = private_press(tmp_path, server)
    await press.publisher().prepare(CALL_ID)
    document = read_publication_document(press.database, CALL_ID, "ws://127.0.0.1:7447")
    assert (document.nevent, document.root is not None) == (None, True)
    with press.database.reading() as session:
        texts = session.execute(text("SELECT published_text FROM event")).scalars().all()
    assert len(texts) == 2 and all("Ada: Ada here." in found for found in texts)
    await press.close()


async def test_nobody_speaks_and_nobody_signs(tmp_path: Path, server: RelayServer):
    """A silent call has nothing to send; without a key of project or agent the reason is kept."""
    silent = private_press(tmp_path / "silent", server)
    silent_id = silent.finish_call("f" * 32, turns=(), policy=PublishPolicy.PRIVATE)
    assert await silent.publisher().prepare(silent_id) is PublicationState.NONE
    with silent.database.writing() as session:
        session.execute(text("DELETE FROM signing_key"))
    assert await silent.publisher().prepare(CALL_ID) is PublicationState.FAILED
    assert "no key signs" in (await silent.publisher().publication(CALL_ID)).error
    assert server.events == []
    await silent.close()


async def test_relays_are_told_when_to_forget_and_not_when_the_call_was(tmp_path: Path, server: RelayServer):
    """The expiration of a wrap is at least the project's and falls on a step of two days."""
    press = Press(tmp_path, server.address, policy=PublishPolicy.PRIVATE, expiration_days=30)
    press.finish_call(policy=PublishPolicy.PRIVATE)
    await press.publisher().wait_settled(CALL_ID, 20)
    (expires_s,) = [int(dict(event["tags"])["expiration"]) for event in server.events]
    early_s = press.clock.utc_ms() // 1_000 + 30 * 86_400
    assert early_s <= expires_s < early_s + 2 * 86_400
    assert expires_s % (2 * 86_400) == 0
    await press.close()


async def test_killed_between_any_two_steps_each_reader_has_one_copy(tmp_path: Path):
    """Whenever the process dies, exactly one set of wraps exists and arrives."""
    at = 0
    while not await _publish_through_a_kill(tmp_path / str(at), at + 1):
        at += 1
    assert at > 8


async def _publish_through_a_kill(folder: Path, at: int) -> bool:
    async with relay_server() as server:
        server.on_request = answer_nothing
        press = private_press(folder, server)
        reaper = Reaper(at)
        mortal = press.publisher(
            MortalDatabase(press.database, reaper),  # type: ignore[arg-type]  # what a publisher uses of it
            relays=MortalRelays(press.relays, reaper),
        )
        survived = True
        try:
            await mortal.sweep()
        except (Killed, BaseExceptionGroup):
            survived = False
        for _ in range(2):  # locks run out, then whatever was postponed is due
            await press.clock.advance(400)
            await press.publisher().sweep()
        publication = await press.publisher().publication(CALL_ID)
        ids = {stored.event.id for stored in publication.events}
        assert publication.state is PublicationState.PUBLISHED
        assert len(ids) == 2
        assert {event["id"] for event in server.events} == ids
        await press.close()
    return survived
