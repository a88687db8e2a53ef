"""How commands show a call."""

from __future__ import annotations

from agentvoice.cli.frame import Invocation
from agentvoice.cli.output import fields, one_line, paragraph
from agentvoice.cli.publication_view import describe_publication
from agentvoice.protocols.documents import CallDocument, ItemDocument
from agentvoice.services.call_document import read_call_document
from agentvoice.storage.database import Database

CALLER = "caller"


def answer_call(invocation: Invocation, database: Database, call_id: str) -> None:
    """Print a stored call, as a document or for people. Raises NotFound."""
    enough = invocation.settings.publish.accepted_relays
    document = read_call_document(database, call_id, invocation.embedded_url, enough)
    invocation.answer(document, describe_call(document, invocation.utc_ms()))


def describe_call(document: CallDocument, now: int) -> str:
    """Return a call for people to read, as of `now` (UTC ms): its head, its transcript, its thread."""
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
    return f"{fields(head)}\n\n{transcript}\n\n{describe_publication(document.publication, now)}"


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
