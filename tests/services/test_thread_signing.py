from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from agentvoice.adapters.pow_miner import mine
from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.core.project import Project
from agentvoice.core.relay_limits import pow_bits
from agentvoice.errors import KeyFileRefused, PublishError
from agentvoice.protocols.nostr.clean import TextLimit
from agentvoice.protocols.nostr.nip10 import find_root
from agentvoice.services.thread_needs import ThreadNeeds
from agentvoice.services.thread_signing import ThreadSigning
from agentvoice.storage import conversations
from tests.services.press import CALL_ID, Press

PLAIN = ThreadNeeds()


@pytest.fixture
async def press(tmp_path: Path):
    made = Press(tmp_path)
    made.finish_call()
    yield made
    await made.close()


async def sign(press: Press, load=None, needs: ThreadNeeds = PLAIN):
    with press.database.reading() as session:
        call = conversations.get_call(session, CALL_ID)

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
