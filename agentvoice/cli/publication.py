"""`agentvoice publication`: threads on their way to the relays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from agentvoice.cli.frame import Invocation, LazyGroup, Listed, pass_invocation
from agentvoice.cli.output import moment, table
from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import Publication
from agentvoice.errors import UsageError

MAX_LISTED = 1_000


REVIEWING = (
    Listed("approve", "agentvoice.cli.review:approve", "Let a call that waits for review be published."),
    Listed("reject", "agentvoice.cli.review:reject", "Never publish a call that waits for review."),
    Listed("edit", "agentvoice.cli.review:edit", "Change what is published of a call that waits for review."),
)


@click.group(cls=LazyGroup, commands_listed=REVIEWING)
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
@click.option("--waiting", is_flag=True, help="Only calls that wait for review.")
@click.option("--before", default="", metavar="ID", help="Only calls older than this one: the next page.")
@click.option("--limit", default=20, type=click.IntRange(1, MAX_LISTED), help="Threads on the page.")
@pass_invocation
def list_(invocation: Invocation, state: str | None, waiting: bool, before: str, limit: int) -> None:
    """List the threads of calls, the newest first.

    \b
    Example:
      agentvoice publication list --waiting
    """
    from agentvoice.protocols.publication_documents import publication_summary
    from agentvoice.storage.publications import list_publications

    if waiting and state:
        raise UsageError(f"--waiting: got it and --state {state}, want one of them")
    wanted = PublicationState.REVIEW if waiting else PublicationState(state) if state else None
    with invocation.database() as database, database.reading() as session:
        found = list_publications(session, state=wanted, before=before, limit=limit)
    rows = [
        (p.call_id, p.project, moment(p.ended_at), p.state.value, _marks(p), p.error or "-") for p in found
    ]
    text = table(("CALL", "PROJECT", "ENDED", "THREAD", "MARKS", "ERROR"), rows, empty="No threads yet.")
    invocation.answer({"publications": [publication_summary(each) for each in found]}, text)


@publication.command()
@click.argument("call_id", metavar="ID|last")
@pass_invocation
def show(invocation: Invocation, call_id: str) -> None:
    """Show a call's thread: its link, its events, and what each relay answered.

    Of a call that waits for review: the very copy that would be published.
    """
    from agentvoice.cli.call_view import describe_publication
    from agentvoice.services.call_document import find_call_id, read_publication_document

    with invocation.database() as database:
        found = find_call_id(database, call_id)
        document = read_publication_document(database, found, invocation.embedded_url)
        review = _review(database, found) if document.state == PublicationState.REVIEW else None
    text = describe_publication(document)
    if review:
        from agentvoice.cli.review_view import describe_review

        text += f"\n{describe_review(review)}\n\nPublish it with: agentvoice publication approve {found}"
    invocation.answer({"call": found, "publication": document, "review": review}, text)


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


@publication.command()
@click.argument("call_id", metavar="ID|last")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_invocation
def unpublish(invocation: Invocation, call_id: str, yes: bool) -> None:
    """Take a thread back: ask every relay that may have some of it to delete it (NIP-09).

    What is not sent yet never will be. The daemon signs and sends the deletions. A relay may ignore
    them, and whoever read the thread may have copies.

    \b
    Example:
      agentvoice publication unpublish last --yes
    """
    from agentvoice.services.call_document import find_call_id
    from agentvoice.storage.unpublications import unpublish

    with invocation.database() as database:
        found = find_call_id(database, call_id)
        if not yes:
            click.confirm(f"Take the thread of call {found} back, for good?", abort=True, err=True)
        with database.writing(durable=True) as session:
            relays = unpublish(session, found, invocation.utc_ms())
    asked = f"the daemon asks to delete it: {', '.join(relays)}" if relays else "no relay has any of it"
    invocation.answer(
        {"call": found, "state": "none", "relays": list(relays)}, f"{found} is unpublished; {asked}"
    )


def _marks(shown: Publication) -> str:
    """Return what sets a thread apart from what was said."""
    marks = {
        "waiting": shown.state is PublicationState.REVIEW,
        "edited": bool(shown.edits),
        "redacted": bool(shown.redactions),
        "unpublished": bool(shown.unpublished_at),
    }
    return ", ".join(mark for mark, holds in marks.items() if holds) or "-"


def _review(database: Any, call_id: str) -> Any:
    import asyncio

    from agentvoice.services.review_copy import read_review_document

    return asyncio.run(read_review_document(database, call_id))


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
