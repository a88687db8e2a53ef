"""A project as the API takes it: what is given of it, as its document has it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from agentvoice.core.pricing import read_usd
from agentvoice.core.project import PublishPolicy, ThreadShape

BUDGET = "budget_usd_per_month"


class ProjectChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What shall change of a project; the rest stays. Public keys are npubs or hex."""

    title: str | UnsetType = UNSET
    pubkey: str | UnsetType = UNSET
    relays: tuple[str, ...] | UnsetType = UNSET
    policy: PublishPolicy | UnsetType = UNSET
    shape: ThreadShape | UnsetType = UNSET
    chained: bool | UnsetType = UNSET
    full_p_tags: bool | UnsetType = UNSET
    address: str | UnsetType = UNSET
    voice_tag: bool | UnsetType = UNSET
    caller_pubkey: str | UnsetType = UNSET
    budget_usd_per_month: str | UnsetType | None = UNSET
    nip65_relays: bool | UnsetType = UNSET
    readers: tuple[str, ...] | UnsetType = UNSET
    callers: tuple[str, ...] | UnsetType = UNSET
    redact: tuple[str, ...] | UnsetType = UNSET
    expiration_days: int | UnsetType = UNSET
    protected: bool | UnsetType = UNSET


class NewProject(ProjectChange, forbid_unknown_fields=True, kw_only=True):
    """A new project: its slug, and what shall not be as by default."""

    slug: str


def decode_changes(sent: ProjectChange) -> dict[str, Any]:
    """Return what is given, as the fields of core.project.Project but the slug.

    Public keys stay as they were typed; a budget of null is none. Raises UsageError naming the field.
    """
    names = (name for name in ProjectChange.__struct_fields__ if getattr(sent, name) is not UNSET)
    changes = {name: getattr(sent, name) for name in names}
    if BUDGET in changes:
        usd = changes.pop(BUDGET)
        changes["budget_nano_usd_per_month"] = read_usd(BUDGET, usd) if usd is not None else 0
    return changes
