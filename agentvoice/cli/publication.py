"""`agentvoice publication`: threads on their way to the relays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from agentvoice.cli.frame import Invocation, LazyGroup, pass_invocation
from agentvoice.cli.output import moment, table
from agentvoice.core.call import PublicationState

MAX_LISTED = 1_000


@click.group(cls=LazyGroup)
def publication() -> None:
    """Follow threads to their relays.

    The daemon delivers; these commands look, and change what it does next.
    """


@publication.command("list")
@click.option(
    "--state",
    type=click.Choice([state.value for state in PublicationState]),
    help="Only threads in this state.  [default: all but none]",
)
@click.option("--before", default="", metavar="ID", help="Only calls older than this one: the next page.")
@click.option("--limit", default=20, type=click.IntRange(1, MAX_LISTED), help="Threads on the page.")
@pass_invocation
def list_(invocation: Invocation, state: str | None, before: str, limit: int) -> None:
    """List the threads of calls, the newest first."""
    from agentvoice.protocols.publication_documents import publication_summary
    from agentvoice.storage.publications import list_publications

    wanted = PublicationState(state) if state else None
    with invocation.database() as database, database.reading() as session:
        found = list_publications(session, state=wanted, before=before, limit=limit)
    rows = [(p.call_id, p.project, moment(p.ended_at), p.state.value, p.error or "-") for p in found]
    text = table(("CALL", "PROJECT", "ENDED", "THREAD", "ERROR"), rows, empty="No threads yet.")
    invocation.answer({"publications": [publication_summary(each) for each in found]}, text)


@publication.command()
@click.argument("call_id", metavar="ID|last")
@click.option("--events", "all_events", is_flag=True, help="Every event and delivery, however many.")
@pass_invocation
def show(invocation: Invocation, call_id: str, all_events: bool) -> None:
    """Show whether a call is published, and what each relay answered.

    For each relay: how much of the thread it has, when it is tried next, its own words, what to do.
    """
    from agentvoice.cli.publication_view import describe_publication
    from agentvoice.services.call_document import find_call_id, read_publication_document

    enough = invocation.settings.publish.accepted_relays
    with invocation.database() as database:
        found = find_call_id(database, call_id)
        document = read_publication_document(database, found, invocation.embedded_url, enough)
    text = describe_publication(document, invocation.utc_ms(), all_events=all_events)
    invocation.answer({"call": found, "publication": document}, text)


@publication.command()
@click.argument("call_id", metavar="ID|last")
@click.option("--relay", default="", metavar="URL", help="Only what is for this relay.")
@pass_invocation
def retry(invocation: Invocation, call_id: str, relay: str) -> None:
    """Try again now what did not get through; the very same signed events are sent."""
    from agentvoice.storage.publications import retry_publication

    _change(invocation, call_id, relay, retry_publication, "queued again")


@publication.command()
@click.argument("call_id", metavar="ID|last")
@click.option("--relay", default="", metavar="URL", help="Only what is for this relay.")
@pass_invocation
def drop(invocation: Invocation, call_id: str, relay: str) -> None:
    """Give up what no relay has accepted yet.

    A thread that was not signed by then never will be.
    """
    from agentvoice.storage.publications import drop_publication

    _change(invocation, call_id, relay, drop_publication, "dropped")


def _change(
    invocation: Invocation, call_id: str, relay: str, change: Callable[..., int], what_happened: str
) -> None:
    from agentvoice.services.call_document import find_call_id
    from agentvoice.storage.publications import get_publication

    accepted_relays = invocation.settings.publish.accepted_relays
    with invocation.database() as database:
        found = find_call_id(database, call_id)
        with database.writing(durable=True) as session:
            count = change(session, found, invocation.utc_ms(), accepted_relays, relay)
            state = get_publication(session, found).state.value
    document: dict[str, Any] = {"call": found, "deliveries": count, "state": state}
    invocation.answer(document, f"{count} deliveries {what_happened}; the thread is {state}")
