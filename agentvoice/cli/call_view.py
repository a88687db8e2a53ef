"""How commands show a call and its thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agentvoice.cli.frame import Invocation
from agentvoice.cli.output import fields, one_line, paragraph, table
from agentvoice.cli.review_view import describe_redactions
from agentvoice.protocols.documents import CallDocument, ItemDocument
from agentvoice.protocols.publication_documents import EventDocument, PublicationDocument
from agentvoice.services.call_document import read_call_document
from agentvoice.storage.database import Database

CALLER = "caller"


def answer_call(invocation: Invocation, database: Database, call_id: str) -> None:
    """Print a stored call, as a document or for people. Raises NotFound."""
    document = read_call_document(database, call_id, invocation.embedded_url)
    invocation.answer(document, describe_call(document))


def describe_call(document: CallDocument) -> str:
    """Return a call for people to read: its head, its transcript, its thread."""
    head = {
        "call": document.id,
        "state": document.state + (f" ({document.end_reason})" if document.end_reason else ""),
        "agents": document.agents,
        "project": document.project,
        "engine": document.engine,
        "caller leg": document.transport,
        "started": document.started_at,
        "ended": document.ended_at,
        "cost": f"{document.cost_usd} USD" + (" (an estimate)" if document.usage.is_estimate else ""),
    }
    transcript = "\n".join(_line(item) for item in document.items) or "(nothing was said)"
    return f"{fields(head)}\n\n{transcript}\n\n{describe_publication(document.publication)}"


def describe_publication(document: PublicationDocument) -> str:
    """Return a thread for people to read: where it is, then its events and their deliveries."""
    head = {
        "thread": document.state,
        "link": f"nostr:{document.nevent}" if document.nevent else "",
    }
    if document.edited:
        head["edited"] = f"{document.edited} turns"
    if document.redactions:
        head["redacted"] = describe_redactions(document.redactions)
    if document.unpublished_at:
        head["unpublished"] = document.unpublished_at
    if not document.events:
        return fields(head)
    states = Counter(delivery.state for event in document.events for delivery in event.deliveries)
    head["deliveries"] = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    text = f"{fields(head)}\n\n{_events_table(document.events)}"
    return f"{text}\n\nDeletions:\n{_events_table(document.deletions)}" if document.deletions else text


def _events_table(events: Sequence[EventDocument]) -> str:
    rows = [
        (
            event.position,
            event.id[:12],
            f"{event.signer[:16]}…",
            delivery.relay,
            delivery.state,
            delivery.attempts,
            delivery.next_attempt_at if delivery.state in ("waiting", "attempting") else "-",
            delivery.last_answer or "-",
        )
        for event in events
        for delivery in event.deliveries
    ]
    headers = ("#", "EVENT", "SIGNER", "RELAY", "STATE", "TRIES", "NEXT", "ANSWER")
    return table(headers, rows, empty="(no deliveries)")


def markdown_of(document: CallDocument) -> str:
    """Return the transcript as Markdown: messages and handovers, cut answers marked."""
    lines = [
        f"# Call {document.id}",
        "",
        f"{', '.join(document.agents)} · project {document.project} · {document.started_at}",
        "",
    ]
    for item in document.items:
        if item.kind == "message":
            lines += [f"**{_speaker(item)}**: {paragraph(item.text)}{_mark(item)}", ""]
        elif item.kind == "handover":
            lines += [f"*{one_line(item.text, limit=1_000)}*", ""]
    return "\n".join(lines)


def _line(item: ItemDocument) -> str:
    if item.kind == "message":
        return f"{_speaker(item)}: {paragraph(item.text)}{_mark(item)}"
    tool = f" {one_line(item.tool)}" if item.tool else ""
    return f"[{item.kind}]{tool} {one_line(item.text)}"


def _speaker(item: ItemDocument) -> str:
    return CALLER if item.role == "user" else item.agent or item.role


def _mark(item: ItemDocument) -> str:
    if item.status == "interrupted":
        heard = f" after {item.heard_ms} ms" if item.heard_ms is not None else ""
        return f" — (interrupted{heard})"
    return " (failed)" if item.status == "failed" else ""
