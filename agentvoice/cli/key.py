"""`agentvoice key`: the signing keys of agents, projects and people."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from agentvoice.cli.frame import Invocation, LazyGroup, pass_invocation
from agentvoice.cli.output import fields, moment, table
from agentvoice.cli.texts import read_text, refuse_secret
from agentvoice.errors import NotFound, Refused, UsageError


@click.group(cls=LazyGroup)
def key() -> None:
    """Make and import signing keys.

    A secret key lies in a file of the data folder (mode 0600), an environment variable, a systemd
    credential, or encrypted in the database, which else knows only where. It is never taken from
    the command line, nor is a passphrase.
    """


def _keeping_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how a key is to be kept."""
    command = click.option(
        "--passphrase",
        default="",
        metavar="REF",
        help="Where the passphrase is that opens an ncryptsec, or with which a key is encrypted: env:NAME,"
        " file:PATH or credential:NAME. Without it: the one of keys.passphrase, else you are asked.",
    )(command)
    return click.option(
        "--store",
        type=click.Choice(["file", "database"]),
        default="file",
        help="Keep it in a private file, or encrypted with a passphrase in the database (NIP-49).",
    )(command)


@key.command()
@click.option("--label", default="", help="A name to know it by.")
@_keeping_options
@pass_invocation
def new(invocation: Invocation, label: str, store: str, passphrase: str) -> None:
    """Make a key and print its npub."""
    from agentvoice.cli.signing_keys import Keeping, new_key
    from agentvoice.storage.keys import add_key

    # The database inside: were its commit to fail, the key file is taken back.
    with (
        invocation.database() as database,
        new_key(invocation, label, Keeping(store, passphrase)) as made,
        database.writing() as session,
    ):
        add_key(session, made)
    invocation.answer(_document(made), f"{made.npub}\nkept in {made.reference}")


@key.command("import")
@click.argument("source", default="-", metavar="[FILE|env:NAME|credential:NAME|-]")
@click.option("--label", default="", help="A name to know it by.")
@_keeping_options
@click.option("--replace", is_flag=True, help="Keep a known key in this place and form from now on.")
@pass_invocation
def import_(
    invocation: Invocation, source: str, label: str, store: str, passphrase: str, replace: bool
) -> None:
    """Take over a key, or pair with a bunker.

    From a FILE, environment variable, systemd credential, or standard input.

    It may be an nsec, 64 hex digits, or an ncryptsec with its passphrase. A bunker:// address
    (NIP-46) is paired with: the key stays in the bunker, which signs.

    \b
    Examples:
      agentvoice key import              asks for the nsec without showing it
      agentvoice key import < FILE
      agentvoice key import --store database --replace < FILE
      agentvoice key import env:ADA_NSEC (stays in the environment)
      agentvoice key import credential:ada_nsec (stays with systemd)
    """
    from agentvoice.cli.signing_keys import Keeping, named_key
    from agentvoice.core.secret import Secret
    from agentvoice.storage.keys import add_key, replace_key

    refuse_secret("SOURCE", source)
    before: Any = None
    with invocation.database() as database:
        if source.startswith(("env:", "credential:")):
            if store != "file":
                raise UsageError(f"--store: got {store}, want none: {source.partition(':')[0]}: is a place")
            taken = named_key(invocation, database, "SOURCE", source)
        else:
            taken = _taken(invocation, Secret(_secret_of(source)), label, Keeping(store, passphrase, replace))
        with taken as imported, database.writing() as session:
            if replace:
                before = replace_key(session, imported)
            else:
                add_key(session, imported)
        problem = invocation.key_store(database).look(imported.reference).problem
    left = _clear_up(invocation, before, imported, is_proven=not problem)
    warning = f"\ncannot sign here yet: {problem}" if problem else ""
    document = {**_document(imported), "can_sign": not problem, "reason": problem}
    invocation.answer(document, f"{imported.npub}\nkept in {imported.reference}{left}{warning}")


def _taken(invocation: Invocation, text: Any, label: str, keeping: Any) -> Any:
    """The key of an nsec or ncryptsec, or the one behind the address of a bunker."""
    from agentvoice.cli.signing_keys import imported_key
    from agentvoice.protocols.nostr.nip46 import is_bunker_address

    if not text.open_to(is_bunker_address):
        return imported_key(invocation, text, label, keeping)
    from agentvoice.cli.bunker import paired_key

    if keeping.store != "file":
        raise UsageError(f"--store: got {keeping.store}, want file: of a bunker's key there is a link alone")
    return paired_key(invocation, text, label)


def _secret_of(source: str) -> str:
    if source == "-" and sys.stdin.isatty():
        return str(click.prompt("nsec or bunker address", hide_input=True, err=True))
    return read_text("SOURCE", source)


def _clear_up(invocation: Invocation, before: Any, now: Any, *, is_proven: bool) -> str:
    """Delete the key file of a key that moved to the database, if it signs from there; say what became of it.

    A variable or credential is another's to keep: were it lost, the file would be the last copy.
    """
    if before is None or before.reference == now.reference or not before.reference.startswith("file:"):
        return ""
    if not (is_proven and now.ncryptsec):
        return f"\nits key file stays, delete it yourself: {invocation.key_files().path(before.reference)}"
    try:
        invocation.key_files().remove(before.reference)
    except NotFound:
        return ""
    return "\nits key file is deleted"


@key.command("list")
@pass_invocation
def list_(invocation: Invocation) -> None:
    """List the keys, who signs with them, and whether this process can.

    The answer holds for the user and environment the command runs in: the daemon may have more.
    """
    from agentvoice.storage.keys import list_keys

    with invocation.database() as database:
        with database.reading() as session:
            stored = list_keys(session)
            users = {each.pubkey: _users(session, each.pubkey) for each in stored}
        store = invocation.key_store(database)
        documents = [
            {**_document(each), **_state(store, each), "used_by": users[each.pubkey]} for each in stored
        ]
    rows = [
        (
            each["npub"],
            each["label"] or "-",
            _place(each["reference"]),
            _can_sign(each),
            ", ".join(each["used_by"]) or "-",
        )
        for each in documents
    ]
    text = table(
        ("NPUB", "LABEL", "KEPT IN", "CAN SIGN", "USED BY"),
        rows,
        empty="No keys. Make one with: agentvoice key new",
    )
    invocation.answer({"keys": documents}, text)


@key.command()
@click.argument("npub")
@click.option("--reveal", is_flag=True, help="Print the secret key too.")
@pass_invocation
def show(invocation: Invocation, npub: str, reveal: bool) -> None:
    """Show a key and whether this process can sign with it.

    Its secret is shown only with --reveal.
    """
    from agentvoice.protocols.nostr.nip19 import decode_pubkey
    from agentvoice.storage.keys import get_key

    with invocation.database() as database:
        with database.reading() as session:
            stored = get_key(session, decode_pubkey("NPUB", refuse_secret("NPUB", npub)))
            users = _users(session, stored.pubkey)
        store = invocation.key_store(database)
        document = {**_document(stored), **_state(store, stored), "used_by": users}
        if reveal:
            document["nsec"] = store.read(stored.reference).reveal()
    shown = {**document, "can_sign": _can_sign(document), "created_at": moment(stored.created_at)}
    del shown["reason"]
    invocation.answer(document, fields(shown))


@key.command()
@click.argument("npub")
@click.option("--delete-secret", is_flag=True, help="Delete the secret too. There is no way back.")
@pass_invocation
def remove(invocation: Invocation, npub: str, delete_secret: bool) -> None:
    """Forget a key that no agent or project uses.

    Its file stays, so that it can be taken up again, unless --delete-secret is given. A key that is
    kept in the database is forgotten only with --delete-secret.
    """
    from agentvoice.protocols.nostr.nip19 import decode_pubkey
    from agentvoice.storage.keys import remove_key

    with invocation.database() as database:
        with database.writing() as session:
            removed = remove_key(session, decode_pubkey("NPUB", refuse_secret("NPUB", npub)))
            is_inside = bool(removed.ncryptsec)
            if is_inside and not delete_secret:
                raise Refused(
                    f"key {removed.npub}: its secret is in the database alone: --delete-secret deletes it for good"
                )
        is_file = delete_secret and removed.reference.startswith("file:")
        if is_file:
            invocation.key_files().remove(removed.reference)
    deleted = is_inside or is_file
    rest = "its secret is deleted" if deleted else f"its secret stays in {removed.reference}"
    invocation.answer(
        {"removed": removed.npub, "secret_deleted": deleted}, f"{removed.npub} is forgotten; {rest}"
    )


def _state(store: Any, stored: Any) -> dict[str, Any]:
    state = store.look(stored.reference)
    return {"form": state.form, "can_sign": state.can_sign, "reason": state.problem}


def _can_sign(document: dict[str, Any]) -> str:
    if not document["can_sign"]:
        return f"no: {document['reason']}"
    return "yes, by its bunker" if document["form"] == "bunker" else "yes"


def _place(reference: str) -> str:
    """Where a secret is, without the npub that is in the first column already."""
    scheme, _, name = reference.partition(":")
    return {"file": "a key file", "ncryptsec": "the database"}.get(scheme, f"{scheme}:{name}")


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
