"""Projects as commands and the API change them; what goes over HTTP is in tests/web/test_projects_api.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import InvalidKey, NotFound, Refused, UsageError
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.services.project_desk import ProjectDesk, add_project, decode_keys, edit_project
from agentvoice.storage import keys
from tests.services.press import Press


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Press]:
    made = Press(tmp_path)
    yield made
    made.database.close()


def desk_of(press: Press) -> ProjectDesk:
    return ProjectDesk(press.database, press.keys, press.clock)


async def test_a_project_gets_a_key_that_is_kept_with_it_only(press: Press):
    """It can sign; a project that cannot be stored leaves neither file nor row behind."""
    added = await desk_of(press).add("garden", {"title": "The garden"})
    files = press.keys.list()
    assert f"file:{added['npub']}" in files
    with press.database.reading() as session:
        known = keys.list_keys(session)
    assert [each.label for each in known if each.npub == added["npub"]] == ["project garden"]
    for slug, changes, words in (
        ("garden", {}, "which exists"),
        ("other", {"relays": ("wss://a.example",)}, "policy: got none"),
        ("No Slug", {}, "slug: got"),
    ):
        with pytest.raises(UsageError, match=words):
            await desk_of(press).add(slug, changes)
    with press.database.reading() as session:
        assert (press.keys.list(), keys.list_keys(session)) == (files, known)


async def test_a_project_may_have_somebody_elses_key(press: Press):
    """Then none is made: threads are tagged with it, not signed by it."""
    files, stranger = press.keys.list(), KeySigner.generate()
    added = await desk_of(press).add("garden", {"pubkey": stranger.npub})
    assert (added["pubkey"], press.keys.list()) == (stranger.pubkey, files)


async def test_the_persons_turns_are_signed_by_a_key_that_is_here(press: Press):
    """By its npub; one that is not here is not found, and "" is nobody."""
    desk, ada = desk_of(press), press.pubkeys["ada"]
    assert (await desk.edit("home", {"caller_pubkey": encode_npub(ada)}))["caller_pubkey"] == ada
    with pytest.raises(NotFound, match="caller_pubkey: nothing here can sign as npub1"):
        await desk.edit("home", {"caller_pubkey": KeySigner.generate().npub})
    assert (await desk.show("home"))["caller_pubkey"] == ada
    assert (await desk.edit("home", {"caller_pubkey": ""}))["caller_pubkey"] == ""


async def test_only_what_is_given_changes(press: Press):
    """The rest stays, whoever changed it; nothing given is no change to ask for."""
    desk = desk_of(press)
    before = await desk.show("home")
    await desk.edit("home", {"title": "New"})
    await desk.edit("home", {"policy": PublishPolicy.OFF})
    assert await desk.show("home") == {**before, "title": "New", "policy": "off"}
    with pytest.raises(UsageError, match="body: got no field"):
        await desk.edit("home", {})
    with pytest.raises(UsageError, match="pubkey: got nothing"):
        await desk.edit("home", {"pubkey": ""})
    with pytest.raises(NotFound, match="no such project"):
        await desk.edit("nobody", {"title": "x"})


async def test_a_project_is_removed_when_no_call_needs_it(press: Press):
    """A call that is not published yet does; its key stays here."""
    desk = desk_of(press)
    press.finish_call()
    with pytest.raises(Refused, match="is live or not yet published"):
        await desk.remove("home")
    await desk.add("garden", {})
    files = press.keys.list()
    await desk.remove("garden")
    assert [each["slug"] for each in await desk.list_projects()] == ["home"]
    assert press.keys.list() == files
    with pytest.raises(NotFound):
        await desk.remove("garden")


def test_keys_of_commands_are_stored_with_their_project(press: Press):
    """One transaction: a change that is refused leaves no key."""
    signer = KeySigner.generate()
    key = keys.StoredKey(signer.pubkey, signer.npub, "env:SOME_KEY", "", 1)
    with pytest.raises(UsageError, match="title: got 0 characters"):
        edit_project(press.database, "home", {"title": ""}, 1, caller=key)
    with press.database.reading() as session, pytest.raises(NotFound):
        keys.get_key(session, signer.npub)
    added = add_project(press.database, "garden", {}, 1, own=key, caller=key)
    assert (added.pubkey, added.caller_pubkey) == (signer.pubkey, signer.pubkey)


def test_people_are_named_once_each(press: Press):
    """By npub or hex; what is no public key is named, and a secret one is not repeated."""
    one, two = KeySigner.generate(), KeySigner.generate()
    decoded = decode_keys({"readers": (one.npub, two.pubkey, one.pubkey), "title": "x"})
    assert decoded == {"readers": (one.pubkey, two.pubkey), "title": "x"}
    for name, value in (("callers", ("npub1x",)), ("caller_pubkey", one.reveal())):
        with pytest.raises(InvalidKey, match=f"^{name}: ") as caught:
            decode_keys({name: value})
        assert one.reveal() not in str(caught.value)
