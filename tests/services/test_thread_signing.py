from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from agentvoice.adapters.pow_miner import mine
from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.ports import Signer
from agentvoice.core.project import Project
from agentvoice.core.relay_limits import pow_bits
from agentvoice.errors import KeyFileRefused, PublishError, SignerRefused
from agentvoice.protocols.nostr.clean import TextLimit
from agentvoice.protocols.nostr.nip10 import find_root
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.services.thread_needs import ThreadNeeds
from agentvoice.services.thread_signing import SIGNED_AT_ONCE, ThreadSigning
from agentvoice.storage import conversations
from tests.services.press import CALL_ID, Press

PLAIN = ThreadNeeds()


@pytest.fixture
async def press(tmp_path: Path):
    made = Press(tmp_path)
    made.finish_call()
    yield made
    await made.close()


async def sign(press: Press, load=None, call_id: str = CALL_ID, needs: ThreadNeeds = PLAIN):
    with press.database.reading() as session:
        call = conversations.get_call(session, call_id)

    async def find_needs(project: Project) -> ThreadNeeds:
        return needs

    signing = ThreadSigning(press.database, load or press.keys.load, mine, find_needs, press.clock)
    return await signing.sign_thread(call)


async def test_each_turn_is_signed_by_its_speaker(press: Press):
    """Root and person by the project's key, agents by their own, every signature good."""
    project, events = await sign(press)
    assert project == press.project
    signers = [press.pubkeys[name] for name in ("project", "project", "ada", "max")]
    assert [event.pubkey for event in events] == signers
    assert [find_forgery(event) for event in events] == [""] * 4


async def test_only_the_keys_it_needs_are_loaded_once_each(press: Press):
    """A key of nobody in the call is not touched."""
    loaded = []

    async def load(reference: str):
        loaded.append(reference)
        return await press.keys.load(reference)

    press._add_key("stranger")
    await sign(press, load)
    assert len(loaded) == len(set(loaded)) == 3


async def test_a_project_key_we_do_not_hold(press: Press):
    """Unknown to our keys, the first agent signs for root and person, and says so."""
    with press.database.writing() as session:
        session.execute(
            text("DELETE FROM signing_key WHERE pubkey = :pubkey"), {"pubkey": press.pubkeys["project"]}
        )
    _, events = await sign(press)
    assert [event.pubkey for event in events[:2]] == [press.pubkeys["ada"]] * 2
    assert ("speaker", "user") in events[1].tags


async def test_a_key_we_should_hold_but_cannot_read(press: Press, tmp_path: Path):
    """A configured key never falls back to another's: the refusal is the answer."""
    for path in (tmp_path / "keys").iterdir():
        path.chmod(0o644)
    with pytest.raises(KeyFileRefused, match="want 0600"):
        await sign(press)


async def test_a_reference_that_gives_another_key(press: Press):
    """A signer that is not who the reference says is refused before it signs."""

    async def wrong(reference: str):
        return KeySigner.generate()

    with pytest.raises(PublishError, match="signs as"):
        await sign(press, wrong)


class SlowSigner:
    """Signs when it is told to; counts how many events wait for it at once."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self.pubkey = signer.pubkey
        self.waiting = self.most_waiting = 0
        self.may_sign = asyncio.Event()

    async def sign(self, event: UnsignedEvent) -> SignedEvent:
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        await self.may_sign.wait()
        self.waiting -= 1
        if event.content == "refused":
            raise SignerRefused("bunker: refused")
        return await self.signer.sign(event)

    async def encrypt(self, pubkey: str, text: str) -> str:
        return await self.signer.encrypt(pubkey, text)

    async def decrypt(self, pubkey: str, payload: str) -> str:
        return await self.signer.decrypt(pubkey, payload)


def slow_ada(press: Press):
    """A loader whose signer for ada is slow, and that signer."""
    ada = SlowSigner(press.keys.read(f"file:{encode_npub(press.pubkeys['ada'])}"))

    async def load(reference: str) -> Signer:
        signer = await press.keys.load(reference)
        return ada if signer.pubkey == ada.pubkey else signer

    return ada, load


def many_turns(count: int, last: str = "the end") -> tuple[tuple[str, str], ...]:
    """Turns of ada, each between two of the person, so that none are merged."""
    words = [f"turn {number}" for number in range(count - 1)] + [last]
    return tuple(turn for text in words for turn in (("", "go on"), ("ada", text)))


async def test_a_signer_far_away_is_asked_for_some_at_a_time(press: Press):
    """A long thread has 8 events in flight, not one and not all; they come out in their order."""
    press.finish_call("0191" * 8, turns=many_turns(30))
    ada, load = slow_ada(press)
    signing = asyncio.ensure_future(sign(press, load, "0191" * 8))
    async with asyncio.timeout(20):
        while ada.waiting < SIGNED_AT_ONCE and not signing.done():
            await press.clock.settle()
        await press.clock.settle()
        assert ada.most_waiting == SIGNED_AT_ONCE == 8
        ada.may_sign.set()
        _, events = await signing
    assert ada.most_waiting == 8
    assert [event.content for event in events if event.pubkey == ada.pubkey] == [
        text for agent, text in many_turns(30) if agent
    ]
    assert [find_forgery(event) for event in events] == [""] * 61


async def test_the_first_refusal_ends_it(press: Press):
    """The signer's own words are the error, and nothing is left in flight."""
    press.finish_call("0191" * 8, turns=many_turns(30, last="refused"))
    ada, load = slow_ada(press)
    ada.may_sign.set()
    with pytest.raises(SignerRefused, match="bunker: refused"):
        await sign(press, load, "0191" * 8)
    await press.clock.settle()
    assert ada.waiting == 0


async def test_nobody_to_sign(press: Press):
    """Without any key the missing speakers are named."""
    with press.database.writing() as session:
        session.execute(text("DELETE FROM signing_key"))
    with pytest.raises(PublishError, match="no key signs for the root, ada, max"):
        await sign(press)


async def test_proof_of_work_keeps_the_thread_together(press: Press):
    """Every event has the bits, replies name the mined root, and every signature is good."""
    _, plain = await sign(press)
    _, events = await sign(press, needs=ThreadNeeds(pow_bits=10))
    assert all(pow_bits(event.id) >= 10 for event in events)
    assert [find_forgery(event) for event in events] == [""] * 4
    assert {find_root(event) for event in events[1:]} == {events[0].id}
    assert events[0].id != plain[0].id
    assert [event.content for event in events] == [event.content for event in plain]
    assert [event.created_at for event in events] == [event.created_at for event in plain]


async def test_turns_are_split_to_what_the_relays_take(press: Press):
    """In pieces that fit, nothing lost."""
    _, events = await sign(press, needs=ThreadNeeds(TextLimit(chars=8)))
    contents = [event.content for event in events[1:]]
    assert max(map(len, contents)) == 8
    assert "".join(contents).replace(" ", "") == "Goodmorning.Adahere.AndMax."
