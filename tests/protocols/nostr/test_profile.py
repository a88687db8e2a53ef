from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.agent import AgentProfile
from agentvoice.protocols.nostr.profile import build_profile, is_foreign_profile, profile_digest
from tests.fakes.nostr_reader import read_profile

OWNER = "f" * 64
ADA = AgentProfile("ada", "Ada", about="Garden advice.", picture="https://a.example/a.png", pubkey="a" * 64)


def test_a_profile_says_who_the_agent_is_and_that_it_is_a_bot():
    """Name, about, picture, bot; the owner in a p tag, the software in a client tag."""
    event = build_profile(ADA, OWNER, 7)
    assert json.loads(event.content) == {
        "name": "Ada",
        "about": "Garden advice.",
        "picture": "https://a.example/a.png",
        "bot": True,
    }
    assert (event.kind, event.created_at, event.pubkey) == (0, 7, "a" * 64)
    assert event.tags == (("p", OWNER), ("client", "agentvoice"))


@pytest.mark.parametrize("owner", ["", "a" * 64])
def test_what_is_not_there_is_not_said(owner: str):
    """No empty fields, no owner that is the agent itself."""
    event = build_profile(replace(ADA, about=" ", picture=""), owner, 7)
    assert event.content == '{"name":"Ada","bot":true}'
    assert event.tags == (("client", "agentvoice"),)


def test_the_digest_follows_what_is_said():
    """It changes with name, about, picture and owner, with nothing else."""
    digest = profile_digest(ADA, OWNER)
    assert (
        profile_digest(replace(ADA, instructions="Be brief.", greeting="Hi.", enabled=False), OWNER) == digest
    )
    for changed in (replace(ADA, name="Eva"), replace(ADA, about=""), replace(ADA, picture="")):
        assert profile_digest(changed, OWNER) != digest
    assert profile_digest(ADA, "") != digest


async def test_a_stranger_reads_it():
    """Another library takes the signed event for a bot's metadata."""
    signer = KeySigner.generate()
    agent = replace(ADA, name='Ada "☕"\x00', pubkey=signer.pubkey)
    read = read_profile(await signer.sign(build_profile(agent, OWNER, 1_700_000_000)))
    assert read == {"name": 'Ada "☕"', "about": ADA.about, "picture": ADA.picture, "bot": True}


async def test_a_profile_of_other_software_is_foreign():
    """Only the client tag tells."""
    signer = KeySigner.generate()
    ours = await signer.sign(build_profile(replace(ADA, pubkey=signer.pubkey), OWNER, 1))
    assert not is_foreign_profile(ours)
    assert is_foreign_profile(replace(ours, tags=(("p", OWNER),)))
