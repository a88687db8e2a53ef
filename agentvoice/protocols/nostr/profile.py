"""Profiles of agents: what readers of a thread learn about who signed it (kind 0: NIP-01, NIP-24).

A profile names the software that wrote it (a `client` tag, NIP-89), so that one somebody wrote
themselves for the same key is never replaced.
"""

from __future__ import annotations

import json

from agentvoice.core.agent import AgentProfile
from agentvoice.core.event import SignedEvent, Tags, UnsignedEvent
from agentvoice.protocols.nostr.clean import clean_text
from agentvoice.protocols.nostr.nip01 import event_id

KIND_PROFILE = 0
CLIENT_TAG = ("client", "agentvoice")


def build_profile(agent: AgentProfile, owner: str, created_at: int) -> UnsignedEvent:
    """Return an agent's profile: name, about, picture, and that it is a bot.

    `owner` is the hex public key of whose agent it is, named in a `p` tag; empty: nobody is named.
    `created_at` is Unix seconds.
    """
    said: dict[str, object] = {"name": clean_text(agent.name)}
    if agent.about.strip():
        said["about"] = clean_text(agent.about)
    if agent.picture:
        said["picture"] = agent.picture
    said["bot"] = True
    tags: Tags = (CLIENT_TAG,)
    if owner and owner != agent.pubkey:
        tags = (("p", owner), *tags)
    content = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return UnsignedEvent(agent.pubkey, created_at, KIND_PROFILE, tags, content)


def profile_digest(agent: AgentProfile, owner: str) -> str:
    """Return 64 hex digits that change when, and only when, the profile says something else."""
    return event_id(build_profile(agent, owner, 0))


def is_foreign_profile(event: SignedEvent) -> bool:
    """Return whether somebody else's software wrote this profile."""
    return CLIENT_TAG not in event.tags
