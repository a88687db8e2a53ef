"""An agent as the API takes it: the fields of its document, so that what was read can be sent back changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from agentvoice.core.agent import AgentProfile, check_agent
from agentvoice.core.fields import build_from_table, describe
from agentvoice.errors import UsageError

ANSWERED_ONLY = ("pubkey", "npub", "changed_at", "profile")
"""Fields of the document that follow from others; what is sent of them is not looked at."""


@dataclass(frozen=True, slots=True)
class AgentWish:
    """What an agent shall be.

    `key` is the npub that it signs with, "" for its own or a new one. `revision` is the one that was
    changed, 0 if that is not said.
    """

    profile: AgentProfile
    key: str = ""
    revision: int = 0


_table_decoder = msgspec.json.Decoder(dict[str, Any])


def decode_agent(body: bytes, slug: str = "") -> AgentWish:
    """Return the agent in a body; one without a slug is of `slug`, if that is given.

    Raises UsageError naming the field: unknown, of a wrong type, or not usable.
    """
    try:
        table = _table_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UsageError(f"body: {error}") from error
    for name in ANSWERED_ONLY:
        table.pop(name, None)
    key, revision = table.pop("key", ""), table.pop("revision", 0)
    if not isinstance(key, str):
        raise UsageError(f"key: got {describe(key)}, want an npub")
    if type(revision) is not int or revision < 0:
        raise UsageError(f"revision: got {describe(revision)}, want the number of the revision that was read")
    if slug:
        table.setdefault("slug", slug)
    profile = build_from_table(AgentProfile, table)
    if slug and profile.slug != slug:
        raise UsageError(f"slug: got {profile.slug!r}, want {slug!r}: a slug never changes")
    check_agent(profile)
    return AgentWish(profile, key, revision)
