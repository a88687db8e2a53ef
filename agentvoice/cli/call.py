"""`agentvoice call`: calls of now and before. What needs a live call is in files of its own."""

from __future__ import annotations

from pathlib import Path

import click

from agentvoice.cli.frame import Invocation, LazyGroup, Listed, pass_invocation
from agentvoice.cli.output import duration, moment, table
from agentvoice.core.call import CallState
from agentvoice.errors import UsageError

LIVE_COMMANDS = (
    Listed("start", "agentvoice.cli.call_start:start_call", "Call an agent."),
    Listed("switch", "agentvoice.cli.live_call:switch_call", "Hand a live call over to another agent."),
    Listed("end", "agentvoice.cli.live_call:end_call", "End a live call."),
    Listed("devices", "agentvoice.cli.call_devices:list_sound_devices", "List microphones and speakers."),
)
"""Commands on live calls and what they need: listed here, imported when they are called."""

MAX_LISTED = 1_000


@click.group(cls=LazyGroup, commands_listed=LIVE_COMMANDS)
def call() -> None:
    """Start calls, look at them, hand them over, end them."""


@call.command("list")
@click.option("--project", default="", metavar="SLUG", help="Only calls of this project.")
@click.option("--agent", default="", metavar="SLUG", help="Only calls in which this agent spoke.")
@click.option(
    "--state", type=click.Choice([state.value for state in CallState]), help="Only calls in this state."
)
@click.option("--before", default="", metavar="ID", help="Only calls older than this one: the next page.")
@click.option("--limit", default=20, type=click.IntRange(1, MAX_LISTED), help="Calls on the page.")
@pass_invocation
def list_(
    invocation: Invocation, project: str, agent: str, state: str | None, before: str, limit: int
) -> None:
    """List calls, the newest first."""
    from agentvoice.protocols.documents import call_summary
    from agentvoice.storage.conversations import list_calls

    with invocation.database() as database, database.reading() as session:
        calls = list_calls(
            session,
            project=project,
            agent=agent,
            state=CallState(state) if state else None,
            before=before,
            limit=limit,
        )
    rows = [
        (
            each.id,
            moment(each.started_at),
            duration(each.ended_at - each.started_at) if each.ended_at else "-",
            each.agent,
            each.project,
            each.end_reason.value if each.end_reason else each.state.value,
            each.publication.value,
        )
        for each in calls
    ]
    headers = ("ID", "STARTED", "LENGTH", "AGENT", "PROJECT", "END", "THREAD")
    text = table(headers, rows, empty="No calls. Start one with: agentvoice call start AGENT")
    if len(calls) == limit:
        text += f"\nOlder ones: agentvoice call list --before {calls[-1].id}"
    invocation.answer({"calls": [call_summary(each) for each in calls]}, text)


@call.command()
@click.argument("call_id", metavar="ID|last")
@pass_invocation
def show(invocation: Invocation, call_id: str) -> None:
    """Show a call: who spoke, what was said, what it cost, where its thread stands."""
    from agentvoice.cli.call_view import answer_call
    from agentvoice.services.call_document import find_call_id

    with invocation.database() as database:
        answer_call(invocation, database, find_call_id(database, call_id))


@call.command()
@click.argument("call_id", metavar="ID|last")
@click.option("--format", "form", type=click.Choice(["json", "markdown"]), default="json", help="Format.")
@click.option("--output", metavar="FILE", help="Write to this file instead of stdout.")
@pass_invocation
def export(invocation: Invocation, call_id: str, form: str, output: str | None) -> None:
    """Print a whole call as JSON, or its transcript as Markdown."""
    from agentvoice.cli.call_view import markdown_of
    from agentvoice.protocols.documents import encode_document
    from agentvoice.services.call_document import find_call_id, read_call_document

    with invocation.database() as database:
        found, enough = find_call_id(database, call_id), invocation.settings.publish.accepted_relays
        document = read_call_document(database, found, invocation.embedded_url, enough)
    text = markdown_of(document) if form == "markdown" else encode_document(document).decode()
    if output is None:
        invocation.answer(document, text)
        return
    try:
        Path(output).expanduser().write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--output: {output} cannot be written: {error.strerror}") from error
    invocation.answer({"id": document.id, "format": form, "output": output}, f"written to {output}")
