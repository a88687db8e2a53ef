"""The JSON documents that commands print with `--json`: stable, outside programs read them.

Times are ISO 8601 with Z and milliseconds, null while they have not come; money is a decimal
string in USD. The builders take core values; what has another wire format (npub, nevent) comes in
already encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from agentvoice.core.agent import AgentProfile, AgentRevision
from agentvoice.core.call import Call
from agentvoice.core.delivery import Publication
from agentvoice.core.iso_time import iso_time
from agentvoice.core.item import Item
from agentvoice.core.pricing import usd_text
from agentvoice.core.project import Project
from agentvoice.core.usage import UsageTotal
from agentvoice.protocols.publication_documents import PublicationDocument, Wording, publication_document


class ItemDocument(msgspec.Struct):
    """One item of a conversation."""

    id: str
    position: int
    kind: str
    role: str
    agent: str
    text: str
    status: str
    heard_ms: int | None
    started_at: str | None
    completed_at: str | None
    tool: str | None = None
    """Of a tool call and its result, the tool's name."""


class ProfileStanding(msgspec.Struct):
    """Where an agent's profile (kind 0) stands at one relay, as a delivery of a thread."""

    relay: str
    state: str
    attempts: int
    next_attempt_at: str | None
    last_answer: str


class UsageDocument(msgspec.Struct):
    """What a call used, summed over its responses.

    `is_estimate`: some of the cost is an estimate. `priced_as_of`: the newest price's day.
    """

    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    input_cached_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0
    audio_ms: int = 0
    input_image_tokens: int = 0
    is_estimate: bool = False
    priced_as_of: str | None = None


class CallDocument(msgspec.Struct):
    """A whole call: `call show --json`, `call export`, and the end of `call start --json`."""

    id: str
    state: str
    end_reason: str | None
    project: str
    transport: str
    engine: str
    started_at: str | None
    ended_at: str | None
    agents: list[str]
    items: list[ItemDocument]
    usage: UsageDocument
    cost_usd: str
    publication: PublicationDocument


class CallSummary(msgspec.Struct):
    """A call in `call list --json`."""

    id: str
    state: str
    end_reason: str | None
    project: str
    agent: str
    transport: str
    engine: str
    started_at: str | None
    ended_at: str | None
    publication: str


@dataclass(frozen=True, slots=True)
class StoredCall:
    """All that is stored of a call. `agents` are slugs in the order they took it."""

    call: Call
    agents: tuple[str, ...]
    items: tuple[Item, ...]
    usage: UsageDocument
    cost_nano_usd: int
    publication: Publication


def item_document(item: Item) -> ItemDocument:
    """Return an item as it is printed."""
    return ItemDocument(
        id=item.id,
        position=item.position,
        kind=item.kind.value,
        role=item.role.value,
        agent=item.agent,
        text=item.text,
        status=item.status.value,
        heard_ms=item.heard_ms,
        started_at=iso_time(item.started_at),
        completed_at=iso_time(item.completed_at),
        tool=item.tool_name or None,
    )


def call_document(stored: StoredCall, words: Wording) -> CallDocument:
    """Return a whole call as it is printed."""
    call = stored.call
    return CallDocument(
        id=call.id,
        state=call.state.value,
        end_reason=call.end_reason.value if call.end_reason else None,
        project=call.project,
        transport=call.transport,
        engine=call.engine,
        started_at=iso_time(call.started_at),
        ended_at=iso_time(call.ended_at),
        agents=list(dict.fromkeys(stored.agents)),
        items=[item_document(item) for item in stored.items],
        usage=stored.usage,
        cost_usd=usd_text(stored.cost_nano_usd),
        publication=publication_document(stored.publication, words),
    )


def call_summary(call: Call) -> CallSummary:
    """Return a call as it is listed."""
    return CallSummary(
        id=call.id,
        state=call.state.value,
        end_reason=call.end_reason.value if call.end_reason else None,
        project=call.project,
        agent=call.agent,
        transport=call.transport,
        engine=call.engine,
        started_at=iso_time(call.started_at),
        ended_at=iso_time(call.ended_at),
        publication=call.publication.value,
    )


class UsageLine(msgspec.Struct):
    """One line of a report: what calls used and cost, summed up; `name` is "" in the last one.

    Prices were those of `priced_from` to `priced_until` (days), null where nothing had a price.
    """

    name: str
    calls: int
    cost_usd: str
    estimated_usd: str
    input_text_tokens: int
    input_audio_tokens: int
    input_image_tokens: int
    input_cached_tokens: int
    output_text_tokens: int
    output_audio_tokens: int
    audio_ms: int
    priced_from: str | None
    priced_until: str | None


class UsageReport(msgspec.Struct):
    """What calls used from `since` to `until` (days, both included), added up by `by`."""

    by: str
    since: str
    until: str
    lines: list[UsageLine]
    total: UsageLine


def usage_line(total: UsageTotal) -> UsageLine:
    """Return a line of a report as it is printed."""
    return UsageLine(
        name=total.name,
        calls=total.calls,
        cost_usd=usd_text(total.cost_nano_usd),
        estimated_usd=usd_text(total.estimated_nano_usd),
        input_text_tokens=total.input_text_tokens,
        input_audio_tokens=total.input_audio_tokens,
        input_image_tokens=total.input_image_tokens,
        input_cached_tokens=total.input_cached_tokens,
        output_text_tokens=total.output_text_tokens,
        output_audio_tokens=total.output_audio_tokens,
        audio_ms=total.audio_ms,
        priced_from=total.priced_from or None,
        priced_until=total.priced_until or None,
    )


def agent_document(revision: AgentRevision, *, npub: str) -> dict[str, Any]:
    """Return an agent as it is printed: its profile's fields, its revision and its npub."""
    profile: AgentProfile = revision.profile
    fields: dict[str, Any] = msgspec.to_builtins(profile)
    return {
        **fields,
        "npub": npub or None,
        "revision": revision.number,
        "changed_at": iso_time(revision.created_at),
    }


def project_document(project: Project, *, npub: str) -> dict[str, Any]:
    """Return a project as it is printed: its fields, its budget as money (null: none), its npub."""
    fields: dict[str, Any] = msgspec.to_builtins(project)
    budget = fields.pop("budget_nano_usd_per_month")
    return {**fields, "budget_usd_per_month": usd_text(budget) if budget else None, "npub": npub}


def encode_document(document: object) -> bytes:
    """Return a document as JSON, indented for people who look at it."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2)
