"""`agentvoice project`: what calls belong to, and how their threads are published."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from typing import Any

import click

from agentvoice.cli.frame import Invocation, LazyGroup, pass_invocation
from agentvoice.cli.output import fields, table
from agentvoice.cli.texts import encodable
from agentvoice.core.agent import check_slug
from agentvoice.core.pricing import read_usd
from agentvoice.core.project import (
    EMBEDDED_RELAY,
    Project,
    PublishPolicy,
    ThreadShape,
    change_project,
    new_project,
)
from agentvoice.errors import UsageError

NOTHING = "none"
"""Takes a list back to nothing, since an option that is not given leaves it as it is."""

_GIVEN_AS_THEY_ARE = (
    "title",
    "address",
    "chained",
    "full_p_tags",
    "voice_tag",
    "nip65_relays",
    "expiration_days",
    "protected",
)

_OPTIONS = (
    click.option("--title", help="Its name for people, the thread's subject.  [default: the slug]"),
    click.option(
        "--relay",
        "relays",
        multiple=True,
        metavar="URL",
        help=f"Relay that gets the threads; repeatable.  [default: {EMBEDDED_RELAY}]",
    ),
    click.option(
        "--policy",
        type=click.Choice([policy.value for policy in PublishPolicy]),
        help="What becomes of a finished call; must be given for outside relays.  [default: public]",
    ),
    click.option(
        "--shape",
        type=click.Choice([shape.value for shape in ThreadShape]),
        help="One reply per turn, or one note.  [default: thread]",
    ),
    click.option(
        "--chained/--flat", default=None, help="Reply to the turn before, or to the root.  [default: flat]"
    ),
    click.option(
        "--full-p-tags/--no-p-tags", "full_p_tags", default=None, help="P-tag the thread's authors (NIP-10)."
    ),
    click.option("--address", help="Coordinate for an a tag, such as 31933:PUBKEY:ID."),
    click.option("--voice-tag/--no-voice-tag", "voice_tag", default=None, help="Tag events with mode voice."),
    click.option(
        "--budget",
        metavar="USD",
        help="What its calls may cost in a month (UTC).  [default: 0, as the settings say]",
    ),
    click.option(
        "--nip65/--no-nip65",
        "nip65_relays",
        default=None,
        help="Deliver to the relays that the project's pubkey reads as well (NIP-65).",
    ),
    click.option(
        "--reader",
        "readers",
        multiple=True,
        metavar="NPUB",
        help="Who gets private threads besides the project's pubkey; repeatable, `none` for nobody.",
    ),
    click.option(
        "--caller",
        "callers",
        multiple=True,
        metavar="NPUB",
        help="Who may sign in on the page with Nostr and call this project; repeatable, `none` for nobody.",
    ),
    click.option(
        "--redact",
        multiple=True,
        metavar="RULE",
        help="Take out before publishing: phone, email, card, pattern:REGEX, secret:NAME; repeatable,"
        " `none` for nothing.  [default: phone, email, card]",
    ),
    click.option(
        "--expiration-days",
        type=int,
        metavar="DAYS",
        help="Ask relays to forget the events after so long (NIP-40).  [default: 0, never]",
    ),
    click.option(
        "--protected/--unprotected",
        default=None,
        help="Let only the authors hand the events to relays (NIP-70).  [default: unprotected]",
    ),
    click.option(
        "--caller-key", metavar="NPUB|env:NAME|credential:NAME", help="Key that signs the person's turns."
    ),
)


def _project_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group(cls=LazyGroup)
def project() -> None:
    """Add and change the projects that calls belong to.

    A project has a pubkey that its threads are tagged with, relays, and a publish policy. Changes
    are effective for the next call.
    """


@project.command()
@click.argument("slug")
@click.option("--pubkey", metavar="NPUB", help="The project's own public key.")
@click.option("--new-key", is_flag=True, help="Make a key for the project; it then signs the root.")
@_project_options
@pass_invocation
def add(invocation: Invocation, /, slug: str, pubkey: str | None, new_key: bool, **options: Any) -> None:
    """Add a project with --pubkey or --new-key.

    \b
    Example:
      agentvoice project add garden --title "The garden" --new-key \\
        --relay wss://relay.example --policy public
    """
    from agentvoice.services.project_desk import add_project

    check_slug("SLUG", slug)
    if bool(pubkey) == new_key:
        raise UsageError(
            f"--pubkey: got {'both it and' if new_key else 'neither it nor'} --new-key, want one of them"
        )
    changes = _changes(pubkey, options)
    change_project(new_project(slug), changes)  # before a key is made for what is not usable
    with invocation.database() as database, ExitStack() as keys:
        own, caller = _open_keys(invocation, database, keys, slug, new_key, options["caller_key"])
        added = add_project(database, slug, changes, invocation.utc_ms(), own=own, caller=caller)
    invocation.answer(_document(added), f"{slug}  {_document(added)['npub']}\nUse it with: --project {slug}")


@project.command("list")
@pass_invocation
def list_(invocation: Invocation) -> None:
    """List the projects."""
    from agentvoice.storage.projects import list_projects

    with invocation.database() as database, database.reading() as session:
        found = list_projects(session)
    rows = [(p.slug, p.title, p.policy.value, p.shape.value, ", ".join(p.relays)) for p in found]
    empty = "No projects. Add one with: agentvoice project add SLUG --new-key"
    text = table(("SLUG", "TITLE", "POLICY", "SHAPE", "RELAYS"), rows, empty=empty)
    invocation.answer({"projects": [_document(each) for each in found]}, text)


@project.command()
@click.argument("slug")
@pass_invocation
def show(invocation: Invocation, slug: str) -> None:
    """Show a project."""
    from agentvoice.storage.projects import get_project

    with invocation.database() as database, database.reading() as session:
        document = _document(get_project(session, slug))
    invocation.answer(document, fields(document))


@project.command()
@click.argument("slug")
@click.option("--pubkey", metavar="NPUB", help="The project's own public key.")
@_project_options
@pass_invocation
def edit(invocation: Invocation, /, slug: str, pubkey: str | None, **options: Any) -> None:
    """Change a project; what is given replaces what was, --relay as a whole list."""
    from agentvoice.services.project_desk import edit_project

    if not pubkey and all(value is None or value == () for value in options.values()):
        raise UsageError(
            "edit: got no option, want one such as --title TEXT (see agentvoice project edit --help)"
        )
    changes = _changes(pubkey, options)
    with invocation.database() as database, ExitStack() as keys:
        _, caller = _open_keys(invocation, database, keys, slug, False, options["caller_key"])
        changed = edit_project(database, slug, changes, invocation.utc_ms(), caller=caller)
    invocation.answer(_document(changed), f"{slug} is changed; effective for the next call")


@project.command()
@click.argument("slug")
@pass_invocation
def remove(invocation: Invocation, slug: str) -> None:
    """Remove a project; its calls and its key stay. Refused while a call of it is live or unpublished."""
    from agentvoice.storage.projects import remove_project

    with invocation.database() as database, database.writing() as session:
        remove_project(session, slug)
    invocation.answer({"removed": slug}, f"{slug} is removed; its calls and its key stay")


def _changes(pubkey: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return what the options say of a project, by its fields."""
    given = {name: options[name] for name in _GIVEN_AS_THEY_ARE if options[name] is not None}
    if pubkey:
        given["pubkey"] = _pubkey(pubkey)
    for name in ("title", "address"):
        if name in given:
            given[name] = encodable(f"--{name}", given[name])
    if options["budget"] is not None:
        given["budget_nano_usd_per_month"] = read_usd("--budget", options["budget"])
    for name, option in (("readers", "--reader"), ("callers", "--caller")):
        if options[name]:
            given[name] = _pubkeys(option, options[name])
    if options["redact"]:
        given["redact"] = () if options["redact"] == (NOTHING,) else options["redact"]
    if options["relays"]:
        given["relays"] = options["relays"]
    return given | _words(options)


def _words(options: dict[str, Any]) -> dict[str, Any]:
    kinds = {"policy": PublishPolicy, "shape": ThreadShape}
    return {name: kind(options[name]) for name, kind in kinds.items() if options[name] is not None}


def _pubkeys(option: str, npubs: tuple[str, ...]) -> tuple[str, ...]:
    from agentvoice.cli.texts import refuse_secret
    from agentvoice.protocols.nostr.nip19 import decode_pubkey

    if npubs == (NOTHING,):
        return ()
    pubkeys = [decode_pubkey(option, refuse_secret(option, npub)) for npub in npubs]
    return tuple(dict.fromkeys(pubkeys))


def _pubkey(npub: str) -> str:
    from agentvoice.cli.texts import refuse_secret
    from agentvoice.protocols.nostr.nip19 import decode_pubkey

    return decode_pubkey("--pubkey", refuse_secret("--pubkey", npub))


def _open_keys(
    invocation: Invocation, database: Any, keys: ExitStack, slug: str, is_new: bool, caller_key: str | None
) -> tuple[Any, Any]:
    from agentvoice.cli import signing_keys

    own = signing_keys.new_key(invocation, f"project {slug}") if is_new else nullcontext(None)
    caller = (
        signing_keys.named_key(invocation, database, "--caller-key", caller_key)
        if caller_key
        else nullcontext(None)
    )
    return keys.enter_context(own), keys.enter_context(caller)


def _document(shown: Project) -> dict[str, Any]:
    from agentvoice.services.project_desk import document_of

    return document_of(shown)
