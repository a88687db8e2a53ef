from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.errors import KeyFileRefused, PublishError
from agentvoice.services.thread_signing import ThreadSigning
from agentvoice.storage import conversations
from tests.services.press import CALL_ID, Press


@pytest.fixture
async def press(tmp_path: Path):
    made = Press(tmp_path)
    made.finish_call()
    yield made
    await made.close()


async def sign(press: Press, load=None):
    with press.database.reading() as session:
        call = conversations.get_call(session, CALL_ID)
    signing = ThreadSigning(press.database, load or press.keys.load, press.clock)
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
