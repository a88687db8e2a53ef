"""`agentvoice token`: who may use the page and the API."""

from __future__ import annotations

from typing import Any

import click

from agentvoice.cli.frame import Invocation, LazyGroup, pass_invocation
from agentvoice.cli.output import fields, moment, table
from agentvoice.core.client import Scope

MS_PER_DAY = 86_400_000
DEFAULT_DAYS = 90
MAX_DAYS = 36_500


@click.group(cls=LazyGroup)
def token() -> None:
    """Make and revoke tokens for the page and the API.

    Until the first token is made, every client on this machine may do all, and no other client may do
    anything. From then on each client shows a token: programs as `Authorization: Bearer`, people on
    the page's sign-in.
    """


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice([scope.value for scope in Scope]),
    default=Scope.CALL.value,
    help="`call` may hold calls; `admin` may see and change everything, and call.",
)
@click.option(
    "--days",
    type=click.IntRange(0, MAX_DAYS),
    default=DEFAULT_DAYS,
    help="Days until it expires; 0: never.",
)
@pass_invocation
def new(invocation: Invocation, name: str, scope: str, days: int) -> None:
    """Make a token and print it, this once: only its digest is kept."""
    from agentvoice.adapters.system_clock import SystemClock
    from agentvoice.core.token import RANDOM_BYTES, build_token
    from agentvoice.storage.tokens import add_token

    clock = SystemClock()
    made, now = build_token(clock.random_bytes(RANDOM_BYTES)), clock.utc_ms()
    expires_at = now + days * MS_PER_DAY if days else 0
    with invocation.database() as database, database.writing(durable=True) as session:
        stored = add_token(session, made, name, Scope(scope), now, expires_at)
    known = _document(stored, now)
    shown = {**known, "created_at": moment(now), "expires_at": moment(expires_at)}
    invocation.answer({"token": made, **known}, f"{made}\n\n{fields(shown)}\nKeep it: it is not shown again.")


@token.command("list")
@pass_invocation
def list_(invocation: Invocation) -> None:
    """List the tokens: by their ids, never the tokens themselves."""
    from agentvoice.storage.tokens import list_tokens

    with invocation.database() as database, database.reading() as session:
        stored = list_tokens(session)
    now = invocation.utc_ms()
    rows = [
        (each.id, each.name, each.scope, each.state_at(now), moment(each.created_at), moment(each.expires_at))
        for each in stored
    ]
    empty = "No tokens: clients on this machine need none, others are refused."
    text = table(("ID", "NAME", "SCOPE", "STATE", "CREATED", "EXPIRES"), rows, empty=empty)
    invocation.answer({"tokens": [_document(each, now) for each in stored]}, text)


@token.command()
@click.argument("id")
@click.option(
    "--forget", is_flag=True, help="Take it off the list too. Without any token, this machine needs none."
)
@pass_invocation
def revoke(invocation: Invocation, id: str, forget: bool) -> None:
    """Refuse a token from now on, and every browser that signed in by it.

    Calls and event streams that it opened end within 10 s; what was said in the calls is kept.
    """
    from agentvoice.storage.tokens import forget_token, has_tokens, revoke_token

    now = invocation.utc_ms()
    with invocation.database() as database, database.writing(durable=True) as session:
        revoked = forget_token(session, id) if forget else revoke_token(session, id, now)
        is_open = not has_tokens(session)
    text = f"{revoked.id} ({revoked.name}) is {'forgotten' if forget else 'revoked'}"
    if is_open:
        text += "\nNo token is left: every client on this machine may do all again."
    invocation.answer({"revoked": revoked.id, "forgotten": forget}, text)


def _document(stored: Any, now_ms: int) -> dict[str, Any]:
    from agentvoice.core.iso_time import iso_time

    return {
        "id": stored.id,
        "name": stored.name,
        "scope": stored.scope.value,
        "state": stored.state_at(now_ms).value,
        "created_at": iso_time(stored.created_at),
        "expires_at": iso_time(stored.expires_at),
    }
