from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentvoice.core.agent import AgentProfile
from agentvoice.errors import UsageError
from agentvoice.protocols.agent_json import AgentWish, decode_agent


def body(**fields: Any) -> bytes:
    return msgspec.json.encode({"slug": "ada", "name": "Ada", **fields})


def test_an_agent_is_read_from_its_document():
    """What is only answered is not looked at; lists and tables are the profile's."""
    read = decode_agent(
        body(
            aliases=["Eda"],
            local={"silence_ms": 600},
            npub="npub1x",
            pubkey="x",
            changed_at=None,
            revision=3,
            key="k",
        )
    )
    assert (read.key, read.revision, read.profile.aliases) == ("k", 3, ("Eda",))
    assert read.profile.local.silence_ms == 600
    assert decode_agent(body()) == AgentWish(AgentProfile("ada", "Ada"))


def test_the_slug_may_follow_from_the_address():
    """If it is sent as well, it is the same."""
    assert decode_agent(b'{"name":"Ada"}', "ada").profile.slug == "ada"
    with pytest.raises(UsageError, match="slug: got 'ada', want 'max': a slug never changes"):
        decode_agent(body(), "max")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "body: "),
        (b"[]", "body: Expected `object`"),
        (b'{"\xff":1}', "body: "),
        (b"[" * 100_000, "body: "),
        (body(greting="x"), "greting: unknown key; did you mean greeting"),
        (body(local={"voice": 1}), "local.voice: got 1, want text"),
        (body(engines=[]), "engines: got none"),
        (body(name=None), "name: got None, want text"),
        (body(key=5), "key: got 5, want an npub"),
        (body(revision="1"), "revision: got the text '1', want the number"),
        (body(revision=True), "revision: got true"),
        (body(revision=-1), "revision: got -1"),
    ],
)
def test_a_wrong_agent_is_refused_by_name(sent: bytes, words: str):
    """The first field that is wrong, what was got, what is wanted."""
    with pytest.raises(UsageError, match=words):
        decode_agent(sent)
