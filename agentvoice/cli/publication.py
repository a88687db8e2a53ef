"""`agentvoice publication`: threads on their way to the relays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from agentvoice.cli.frame import Invocation, LazyGroup, Listed, pass_invocation
from agentvoice.core.call import PublicationState
from agentvoice.errors import UsageError
from agentvoice.protocols.publication_documents import PublicationChange

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

    How many relays have each, and when it is tried next.

    \b
    Example:
      agentvoice publication list --waiting
    """
    from agentvoice.cli.publication_view import describe_page
    from agentvoice.services.publication_pages import read_publication_page

    if waiting and state:
        raise UsageError(f"--waiting: got it and --state {state}, want one of them")
    wanted = PublicationState.REVIEW if waiting else PublicationState(state) if state else None
    with invocation.database() as database:
        page = read_publication_page(database, wanted, before, limit)
    invocation.answer({"publications": page}, describe_page(page, invocation.utc_ms()))


@publication.command()
@click.argument("call_id", metavar="ID|last")
@click.option("--events", "all_events", is_flag=True, help="Every event and delivery, however many.")
@click.option("--verify", is_flag=True, help="Read the thread back from the relays that accepted all of it.")
@click.option("--relay", default="", metavar="URL", help="With --verify: only from this relay.")
@pass_invocation
@click.pass_context
def show(
    context: click.Context, invocation: Invocation, call_id: str, all_events: bool, verify: bool, relay: str
) -> None:
    """Show whether a call is published, and what each relay answered.

    For each relay: how much of the thread it has, when it is tried next, its own words, what to do.
    With --verify every id, signature and reply is checked, and that there is no second thread; exit
    code 1 if that does not hold. Of a call that waits for review: the very copy that would be published.
    """
    from agentvoice.cli.publication_check import describe_checks, verify_call
    from agentvoice.cli.publication_view import describe_publication
    from agentvoice.services.call_document import find_call_id, read_publication_document

    if relay and not verify:
        raise UsageError("--relay: got it without --verify, want both")
    enough = invocation.settings.publish.accepted_relays
    with invocation.database() as database:
        found = find_call_id(database, call_id)
        document = read_publication_document(database, found, invocation.embedded_url, enough)
        review = _review(database, found) if document.state == PublicationState.REVIEW else None
    text = describe_publication(document, invocation.utc_ms(), all_events=all_events)
    if review:
        from agentvoice.cli.review_view import describe_review

        text += f"\n\n{describe_review(review)}\n\nPublish it with: agentvoice publication approve {found}"
    told = {"call": found, "publication": document, "review": review}
    if not verify:
        return invocation.answer(told, text)
    checks = verify_call(invocation, found, relay)
    text += f"\n\n{describe_checks(checks, found)}"
    invocation.answer({**told, "verification": checks}, text)
    if not all(check.verified for check in checks):
        context.exit(1)
    return None


@publication.command()
@click.argument("call_id", metavar="ID|last")
@click.option("--relay", default="", metavar="URL", help="Only what is for this relay.")
@click.option("--resend", is_flag=True, help="Also what a relay accepted and lost: it is read back first.")
@pass_invocation
def retry(invocation: Invocation, call_id: str, relay: str, resend: bool) -> None:
    """Try again now what did not get through; the very same signed events are sent.

    A daemon that runs sends them at once, else the next one does.
    """
    from agentvoice.storage.publications import retry_publication

    if resend:
        return _resend(invocation, call_id, relay)
    if invocation.settings.control_socket.is_socket() and _ask_daemon(invocation, call_id, relay):
        return None
    return _change(invocation, call_id, relay, retry_publication, "queued again")


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
    """Take a thread back.

    Every relay that may have some of it is asked to delete it (NIP-09).

    What is not sent yet never will be. The daemon signs and sends the deletions. A relay may ignore
    them, and whoever read the thread may have copies.

    \b
    Example:
      agentvoice publication unpublish last --yes
    """
    from agentvoice.services.call_document import find_call_id
    from agentvoice.services.unpublishing import unpublish_call

    with invocation.database() as database:
        found = find_call_id(database, call_id)
        if not yes:
            click.confirm(f"Take the thread of call {found} back, for good?", abort=True, err=True)
        change = unpublish_call(database, found, invocation.utc_ms())
    asked = f"the daemon asks to delete it: {', '.join(change.relays)}"
    invocation.answer(
        change, f"{found} is unpublished; {asked if change.relays else 'no relay has any of it'}"
    )


def _ask_daemon(invocation: Invocation, call_id: str, relay: str) -> bool:
    """Have the daemon try a thread again; return whether there is one."""
    import asyncio

    from agentvoice.adapters.daemon_client import DaemonClient

    async def ask() -> PublicationChange | None:
        daemon = DaemonClient(invocation.settings.control_socket)
        return await daemon.retry_publication(call_id, relay) if await daemon.is_up() else None

    change = asyncio.run(ask())
    if change is not None:
        _answer_change(invocation, change, "queued again")
    return change is not None


def _review(database: Any, call_id: str) -> Any:
    import asyncio

    from agentvoice.services.review_copy import read_review_document

    return asyncio.run(read_review_document(database, call_id))


def _resend(invocation: Invocation, call_id: str, relay: str) -> None:
    from agentvoice.cli.publication_check import describe_checks, resend_call
    from agentvoice.services.call_document import find_call_id

    with invocation.database() as database:
        found = find_call_id(database, call_id)
    change = resend_call(invocation, found, relay)
    told = f"{change.deliveries} deliveries queued again, {change.lost} of them lost before"
    text = f"{describe_checks(change.verification, found)}\n\n{told}; the thread is {change.state}"
    invocation.answer(change, text)


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
    _answer_change(invocation, PublicationChange(found, count, state), what_happened)


def _answer_change(invocation: Invocation, change: PublicationChange, what_happened: str) -> None:
    invocation.answer(change, f"{change.deliveries} deliveries {what_happened}; the thread is {change.state}")
