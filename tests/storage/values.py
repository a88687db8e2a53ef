"""Values that the tests of this floor store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agentvoice.core.agent import AgentProfile
from agentvoice.core.call import LEASE_VALID_MS, Call, CallState
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.project import Project, PublishPolicy

NOW = 1_800_000_000_000


def hex_id(number: int) -> str:
    """An id that sorts by its number."""
    return f"{number:032x}"


def call(number: int = 1, **changes: Any) -> Call:
    made = Call(
        id=hex_id(number),
        project="garden",
        agent="ada",
        transport="text",
        engine="local",
        state=CallState.LIVE,
        policy=PublishPolicy.PUBLIC,
        relays=("embedded",),
        owner_id="process-1",
        lease_until=NOW + LEASE_VALID_MS,
        started_at=NOW,
    )
    return replace(made, **changes)


def item(number: int = 1, **changes: Any) -> Item:
    made = Item(
        id=hex_id(10_000 + number),
        position=number,
        kind=ItemKind.MESSAGE,
        role=Role.USER,
        agent="ada",
        text=f"sentence {number}",
        status=ItemStatus.COMPLETED,
        started_at=NOW,
        completed_at=NOW + 900,
    )
    return replace(made, **changes)


def profile(slug: str = "ada", **changes: Any) -> AgentProfile:
    return replace(AgentProfile(slug=slug, name=slug.title()), **changes)


def project(slug: str = "garden", **changes: Any) -> Project:
    return replace(Project(slug=slug, title="The garden", pubkey="ab" * 32), **changes)
