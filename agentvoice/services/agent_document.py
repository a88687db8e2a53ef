"""An agent as the JSON document that commands and the API show, and what a revision changed of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from agentvoice.core.agent import AgentRevision
from agentvoice.core.iso_time import iso_time
from agentvoice.protocols.documents import ProfileStanding, agent_document
from agentvoice.protocols.nostr.nip19 import encode_npub

if TYPE_CHECKING:  # commands that show no agent must not wait for the database library
    from agentvoice.storage.profiles import ProfileDelivery

_OF_THE_REVISION = ("revision", "changed_at", "npub")
"""Fields that say nothing about what was changed."""


def document_of(revision: AgentRevision) -> dict[str, Any]:
    """Return the agent's JSON document."""
    pubkey = revision.profile.pubkey
    return agent_document(revision, npub=encode_npub(pubkey) if pubkey else "")


def shown_document(revision: AgentRevision, published: Sequence[ProfileDelivery]) -> dict[str, Any]:
    """Return the agent's JSON document with where its profile stands on Nostr."""
    return {**document_of(revision), "profile": [_standing(each) for each in published]}


def _standing(found: ProfileDelivery) -> ProfileStanding:
    return ProfileStanding(
        relay=found.relay,
        state=found.state.value,
        attempts=found.attempts,
        next_attempt_at=iso_time(found.next_attempt_at),
        last_answer=found.last_answer,
    )


def changed_fields(before: AgentRevision | None, after: AgentRevision) -> list[str]:
    """Return the names of the fields that a revision changed."""
    if before is None:
        return ["added"]
    old, new = document_of(before), document_of(after)
    return [name for name in new if old[name] != new[name] and name not in _OF_THE_REVISION]


def history_documents(revisions: Sequence[AgentRevision]) -> list[dict[str, Any]]:
    """Return an agent's revisions, the oldest first, each with what it changed."""
    return [
        {**document_of(after), "changed": changed_fields(before, after)}
        for before, after in pairwise((None, *revisions))
        if after is not None
    ]
