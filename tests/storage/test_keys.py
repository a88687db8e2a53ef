from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from agentvoice.errors import InvalidKey, NotFound, Refused, UsageError
from agentvoice.storage import agents, keys, projects
from agentvoice.storage.database import Database
from agentvoice.storage.keys import StoredKey
from tests.storage.values import NOW, hex_id, profile, project

PUBKEY = "ab" * 32
KEY = StoredKey(PUBKEY, "npub1abab", "file:/home/me/keys/npub1abab", "Ada", NOW)


def test_a_key_is_found_by_both_its_names(database: Database):
    """The hex public key and the npub give the same key."""
    with database.writing() as session:
        keys.add_key(session, KEY)
    with database.reading() as session:
        assert keys.get_key(session, PUBKEY) == keys.get_key(session, "npub1abab") == KEY


def test_keys_are_listed_by_age(database: Database):
    """The oldest key comes first."""
    younger = StoredKey("cd" * 32, "npub1cdcd", "env:MAX_KEY", "", NOW + 1)
    with database.writing() as session:
        keys.add_key(session, younger)
        keys.add_key(session, KEY)
        assert keys.list_keys(session) == (KEY, younger)


def test_the_same_key_again_is_no_error(database: Database):
    """Adding twice keeps one; another reference for it is refused."""
    with database.writing() as session:
        keys.add_key(session, KEY)
        keys.add_key(session, KEY)
        assert len(keys.list_keys(session)) == 1
        with pytest.raises(UsageError, match="known under another reference"):
            keys.add_key(session, replace(KEY, reference="env:OTHER"))


def secrets_pasted() -> list[str]:
    made = secrets.token_hex(32)
    nsec = "nsec1" + "q" * 58
    return [
        made,
        nsec,
        f"file:{nsec}",
        f"file:/keys/{made}",
        f"env:{made}",
        "",
        "vault:x",
        "env:",
        "file:",
        "env:A B",
    ]


@pytest.mark.parametrize("reference", secrets_pasted(), ids=lambda value: value[:10])
def test_only_references_are_stored(database: Database, reference: str):
    """A pasted secret, bare or inside a reference, is refused and never quoted."""
    with (
        database.writing() as session,
        pytest.raises(UsageError, match="env:NAME, credential:NAME or file:PATH") as caught,
    ):
        keys.add_key(session, replace(KEY, reference=reference))
    assert len(reference) < 20 or reference not in str(caught.value)
    with database.reading() as session:
        assert keys.list_keys(session) == ()


@pytest.mark.parametrize("changes", [{"pubkey": "AB" * 32}, {"pubkey": "ab"}, {"npub": "nsec1x"}])
def test_a_wrong_public_key_is_refused(database: Database, changes):
    """Neither an uppercase nor a short pubkey is stored, nor an nsec as npub."""
    with database.writing() as session, pytest.raises(InvalidKey):
        keys.add_key(session, replace(KEY, **changes))


def test_a_key_in_use_stays(database: Database):
    """The key of an agent or of a project cannot be removed; a free one can."""
    with database.writing() as session:
        keys.add_key(session, KEY)
        agents.create_agent(session, hex_id(1), profile(pubkey=PUBKEY), NOW)
        with pytest.raises(Refused, match="agent 'ada'"):
            keys.remove_key(session, PUBKEY)
        agents.remove_agent(session, "ada", NOW)
        projects.create_project(session, project(pubkey=PUBKEY), NOW)
        with pytest.raises(Refused, match="project 'garden'"):
            keys.remove_key(session, PUBKEY)
        projects.remove_project(session, "garden")
        assert keys.remove_key(session, "npub1abab") == KEY
        assert keys.list_keys(session) == ()


def test_an_unknown_key_is_not_quoted(database: Database):
    """Who types a secret where its npub belongs does not see it in an error."""
    secret = secrets.token_hex(32)
    with database.reading() as session, pytest.raises(NotFound) as caught:
        keys.get_key(session, secret)
    assert secret not in str(caught.value)
