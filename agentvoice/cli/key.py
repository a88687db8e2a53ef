"""`agentvoice key`: the signing keys of agents, projects and people."""

from __future__ import annotations

import sys
from typing import Any

import click

from agentvoice.cli.frame import Invocation, LazyGroup, pass_invocation
from agentvoice.cli.output import fields, moment, table
from agentvoice.cli.texts import read_text, refuse_secret


@click.group(cls=LazyGroup)
def key() -> None:
    """Make and import signing keys.

    A secret key lies in a file of the data folder (mode 0600), an environment variable or a
    systemd credential; the database knows only where. It is never taken from the command line.
    """


@key.command()
@click.option("--label", default="", help="A name to know it by.")
@pass_invocation
def new(invocation: Invocation, label: str) -> None:
    """Make a key and print its npub."""
    from agentvoice.cli.signing_keys import new_key
    from agentvoice.storage.keys import add_key

    # The database inside: were its commit to fail, the key file is taken back.
    with invocation.database() as database, new_key(invocation, label) as made, database.writing() as session:
        add_key(session, made)
    invocation.answer(_document(made), f"{made.npub}\nkept in {made.reference}")


@key.command("import")
@click.argument("source", default="-", metavar="[FILE|env:NAME|credential:NAME|-]")
@click.option("--label", default="", help="A name to know it by.")
@pass_invocation
def import_(invocation: Invocation, source: str, label: str) -> None:
    """Take over a key: from a FILE, environment variable, systemd credential, or standard input.

    \b
    Examples:
      agentvoice key import              asks for the nsec without showing it
      agentvoice key import < FILE
      agentvoice key import env:ADA_NSEC (stays in the environment)
      agentvoice key import credential:ada_nsec (stays with systemd)
    """
    from agentvoice.cli.signing_keys import imported_key, named_key
    from agentvoice.storage.keys import add_key

    refuse_secret("SOURCE", source)
    with invocation.database() as database:
        if source.startswith(("env:", "credential:")):
            taken = named_key(invocation, database, "SOURCE", source)
        else:
            taken = imported_key(invocation, _secret_of(source), label)
        with taken as imported, database.writing() as session:
            add_key(session, imported)
    invocation.answer(_document(imported), f"{imported.npub}\nkept in {imported.reference}")


def _secret_of(source: str) -> str:
    if source == "-" and sys.stdin.isatty():
        return str(click.prompt("nsec", hide_input=True, err=True))
    return read_text("SOURCE", source)


@key.command("list")
@pass_invocation
def list_(invocation: Invocation) -> None:
    """List the keys and who signs with them."""
    from agentvoice.storage.keys import list_keys

    with invocation.database() as database, database.reading() as session:
        stored = list_keys(session)
        users = {each.pubkey: _users(session, each.pubkey) for each in stored}
    documents = [{**_document(each), "used_by": users[each.pubkey]} for each in stored]
    rows = [(each.npub, each.label or "-", ", ".join(users[each.pubkey]) or "-") for each in stored]
    text = table(("NPUB", "LABEL", "USED BY"), rows, empty="No keys. Make one with: agentvoice key new")
    invocation.answer({"keys": documents}, text)


@key.command()
@click.argument("npub")
@click.option("--reveal", is_flag=True, help="Print the secret key too.")
@pass_invocation
def show(invocation: Invocation, npub: str, reveal: bool) -> None:
    """Show a key; its secret only with --reveal."""
    from agentvoice.protocols.nostr.nip19 import decode_pubkey
    from agentvoice.storage.keys import get_key

    with invocation.database() as database, database.reading() as session:
        stored = get_key(session, decode_pubkey("NPUB", npub))
        document = {**_document(stored), "used_by": _users(session, stored.pubkey)}
    if reveal:
        document["nsec"] = invocation.key_files().read(stored.reference).reveal()
    shown = {**document, "created_at": moment(stored.created_at)}
    invocation.answer(document, fields(shown))


@key.command()
@click.argument("npub")
@click.option("--delete-secret", is_flag=True, help="Delete the key file too. There is no way back.")
@pass_invocation
def remove(invocation: Invocation, npub: str, delete_secret: bool) -> None:
    """Forget a key that no agent or project uses.

    Its file stays, so that it can be taken up again, unless --delete-secret is given.
    """
    from agentvoice.protocols.nostr.nip19 import decode_pubkey
    from agentvoice.storage.keys import remove_key

    with invocation.database() as database:
        with database.writing() as session:
            removed = remove_key(session, decode_pubkey("NPUB", npub))
        deleted = delete_secret and removed.reference.startswith("file:")
        if deleted:
            invocation.key_files().remove(removed.reference)
    rest = "its file is deleted" if deleted else f"its secret stays in {removed.reference}"
    invocation.answer(
        {"removed": removed.npub, "secret_deleted": deleted}, f"{removed.npub} is forgotten; {rest}"
    )


def _users(session: Any, pubkey: str) -> list[str]:
    from agentvoice.storage.agents import list_agents
    from agentvoice.storage.projects import list_projects

    agents = [f"agent {r.profile.slug}" for r in list_agents(session) if r.profile.pubkey == pubkey]
    projects = [
        f"project {each.slug}"
        for each in list_projects(session)
        if pubkey in (each.pubkey, each.caller_pubkey)
    ]
    return agents + projects


def _document(stored: Any) -> dict[str, Any]:
    from agentvoice.core.iso_time import iso_time

    return {
        "npub": stored.npub,
        "pubkey": stored.pubkey,
        "reference": stored.reference,
        "label": stored.label,
        "created_at": iso_time(stored.created_at),
    }
