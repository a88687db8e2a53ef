"""`agentvoice agent`: the profiles that speak in calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agentvoice.cli.agent_options import apply_options, is_given, profile_options
from agentvoice.cli.agent_view import describe_agent, render_agent
from agentvoice.cli.frame import Invocation, LazyGroup, pass_invocation
from agentvoice.cli.output import moment, paragraph, table
from agentvoice.cli.texts import read_text
from agentvoice.core.agent import AgentProfile, AgentRevision, check_agent, check_slug
from agentvoice.errors import NotFound, UsageError
from agentvoice.services.agent_document import document_of, history_documents, shown_document


@click.group(cls=LazyGroup)
def agent() -> None:
    """Add and change the agents that speak.

    Every change is kept as a revision. It is effective for the next call or handover, without a
    restart of the daemon.
    """


@agent.command()
@click.argument("slug")
@profile_options
@click.option("--key", metavar="NPUB|env:NAME|file:PATH", help="Key it signs with.  [default: a new one]")
@pass_invocation
def add(invocation: Invocation, /, slug: str, key: str | None, **options: Any) -> None:
    """Add an agent; it gets a signing key of its own unless --key names one.

    \b
    Example:
      agentvoice agent add ada --name Ada --instructions @ada.txt \\
        --greeting "Hello, this is Ada." --alias Eda --voice hibari
    """
    from agentvoice.cli.first_project import ensure_project
    from agentvoice.config.load import is_own_home

    check_slug("SLUG", slug)
    profile = apply_options(AgentProfile(slug=slug, name=slug.capitalize()), options)
    with invocation.database(create=is_own_home(invocation.settings)) as database:
        revision = _create(invocation, database, profile, key or "")
        ensure_project(invocation, database)
    _tell(invocation, revision, f"Call it with: agentvoice call start {slug}")


@agent.command("list")
@pass_invocation
def list_(invocation: Invocation) -> None:
    """List the agents."""
    from agentvoice.storage.agents import list_agents

    with invocation.database() as database, database.reading() as session:
        revisions = list_agents(session)
    rows = [
        (
            p.slug,
            p.name,
            ", ".join(p.engines),
            "yes" if p.enabled else "no",
            revision.number,
            moment(revision.created_at),
        )
        for revision in revisions
        for p in (revision.profile,)
    ]
    headers = ("SLUG", "NAME", "ENGINES", "ENABLED", "REVISION", "CHANGED")
    text = table(headers, rows, empty="No agents. Add one with: agentvoice agent add SLUG")
    invocation.answer({"agents": [document_of(revision) for revision in revisions]}, text)


@agent.command()
@click.argument("slug")
@click.option("--rendered", is_flag=True, help="Show the whole instructions as an engine gets them.")
@click.option("--project", metavar="SLUG", help="Project for --rendered.  [default: of the settings]")
@click.option("--revision", type=int, metavar="N", help="Show an older revision.")
@pass_invocation
def show(
    invocation: Invocation, slug: str, rendered: bool, project: str | None, revision: int | None
) -> None:
    """Show an agent, and where its profile stands on Nostr."""
    from agentvoice.storage import agents
    from agentvoice.storage.profiles import list_profiles

    with invocation.database() as database, database.reading() as session:
        if revision is None:
            found = agents.get_agent(session, slug)
        else:
            found = agents.get_agent_revision(session, slug, revision)
        text = render_agent(invocation, session, found.profile, project) if rendered else ""
        published = list_profiles(session, found.profile.pubkey) if found.profile.pubkey else ()
    document = shown_document(found, published)
    if rendered:
        invocation.answer({**document, "rendered": text}, paragraph(text))
    else:
        invocation.answer(document, describe_agent(found, published))


@agent.command()
@click.argument("slug")
@profile_options
@click.option("--key", metavar="NPUB|env:NAME|file:PATH", help="Key it signs with from now on.")
@pass_invocation
def edit(invocation: Invocation, /, slug: str, key: str | None, **options: Any) -> None:
    """Change an agent by options, or all of it in $EDITOR.

    What is given replaces what was, lists as a whole; the rest stays.
    """
    from agentvoice.cli.agent_editor import edit_profile
    from agentvoice.storage.agents import get_agent

    with invocation.database() as database:
        with database.reading() as session:
            current = get_agent(session, slug)
        if is_given(options) or key:
            profile = apply_options(current.profile, options)
        else:
            profile, key = edit_profile(current.profile)
        revision = _update(invocation, database, current, profile, key or "")
    hint = (
        "Nothing changed."
        if revision.number == current.number
        else "Effective for the next call or handover."
    )
    _tell(invocation, revision, hint)


@agent.command()
@click.argument("slug")
@pass_invocation
def remove(invocation: Invocation, slug: str) -> None:
    """Remove an agent; the calls it spoke in stay as they are, and so does its key."""
    from agentvoice.storage.agents import remove_agent

    with invocation.database() as database, database.writing() as session:
        remove_agent(session, slug, invocation.utc_ms())
    invocation.answer({"removed": slug}, f"{slug} is removed; its calls and its key stay")


@agent.command()
@click.argument("slug")
@pass_invocation
def enable(invocation: Invocation, slug: str) -> None:
    """Let an agent take calls again."""
    _set_enabled(invocation, slug, True)


@agent.command()
@click.argument("slug")
@pass_invocation
def disable(invocation: Invocation, slug: str) -> None:
    """Keep an agent from taking calls and handovers."""
    _set_enabled(invocation, slug, False)


@agent.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--replace", is_flag=True, help="Change the agents of these slugs if they exist.")
@pass_invocation
def import_(invocation: Invocation, files: tuple[str, ...], replace: bool) -> None:
    """Add agents from TOML files (- for standard input); see config/agents for examples."""
    from agentvoice.cli.first_project import ensure_project
    from agentvoice.config.load import is_own_home
    from agentvoice.protocols.profile_toml import decode_profile
    from agentvoice.storage.agents import get_agent

    read = [decode_profile(read_text("FILE", file), file) for file in files]
    done = []
    with invocation.database(create=is_own_home(invocation.settings)) as database:
        for one in read:
            try:
                with database.reading() as session:
                    current = get_agent(session, one.profile.slug)
            except NotFound:
                done.append(_create(invocation, database, one.profile, one.key))
                continue
            if not replace:
                raise UsageError(f"slug: got {one.profile.slug!r}, which exists; --replace changes it")
            done.append(_update(invocation, database, current, one.profile, one.key))
        ensure_project(invocation, database)
    lines = [f"{revision.profile.slug}  revision {revision.number}" for revision in done]
    invocation.answer({"agents": [document_of(revision) for revision in done]}, "\n".join(lines))


@agent.command()
@click.argument("slug")
@click.option("--output", metavar="FILE", help="Write to this file instead of stdout.")
@pass_invocation
def export(invocation: Invocation, slug: str, output: str | None) -> None:
    """Print an agent as TOML, ready for `agent import`. Its key is named, not contained."""
    from agentvoice.protocols.nostr.nip19 import encode_npub
    from agentvoice.protocols.profile_toml import encode_profile
    from agentvoice.storage.agents import get_agent

    with invocation.database() as database, database.reading() as session:
        profile = get_agent(session, slug).profile
    toml = encode_profile(profile, encode_npub(profile.pubkey) if profile.pubkey else "")
    if output:
        try:
            Path(output).expanduser().write_text(toml, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--output: {output} cannot be written: {error.strerror}") from error
    document = {"slug": slug, "toml": toml, "output": output}
    invocation.answer(document, f"written to {output}" if output else toml)


@agent.command()
@click.argument("slug")
@pass_invocation
def history(invocation: Invocation, slug: str) -> None:
    """List an agent's revisions and what each changed."""
    from agentvoice.storage.agents import agent_history

    with invocation.database() as database, database.reading() as session:
        revisions = agent_history(session, slug)
    documents = history_documents(revisions)
    rows = [
        (revision.number, moment(revision.created_at), ", ".join(document["changed"]))
        for revision, document in zip(revisions, documents, strict=True)
    ]
    invocation.answer({"revisions": documents}, table(("REVISION", "AT", "CHANGED"), rows, empty=""))


def _create(invocation: Invocation, database: Any, profile: AgentProfile, key: str) -> AgentRevision:
    from agentvoice.cli.signing_keys import named_key, new_key
    from agentvoice.storage.agents import create_agent
    from agentvoice.storage.keys import add_key

    _check(profile)
    label = f"agent {profile.slug}"
    source = named_key(invocation, database, "--key", key) if key else new_key(invocation, label)
    with source as signing, database.writing() as session:
        add_key(session, signing)
        profile = profile.with_pubkey(signing.pubkey)
        return create_agent(session, invocation.new_id(), profile, invocation.utc_ms())


def _update(
    invocation: Invocation, database: Any, current: AgentRevision, profile: AgentProfile, key: str
) -> AgentRevision:
    from contextlib import nullcontext

    from agentvoice.cli.signing_keys import named_key
    from agentvoice.storage.agents import update_agent
    from agentvoice.storage.keys import add_key

    _check(profile)
    source = named_key(invocation, database, "--key", key) if key else nullcontext(None)
    with source as signing, database.writing() as session:
        if signing is not None:
            add_key(session, signing)
        pubkey = signing.pubkey if signing is not None else current.profile.pubkey
        return update_agent(session, profile.with_pubkey(pubkey), invocation.utc_ms())


def _check(profile: AgentProfile) -> None:
    """Refuse a profile that could not be called, before a key is made for it."""
    from agentvoice.adapters.local_speech.voices import find_voice

    check_agent(profile)
    if not profile.local.tts.url:  # an endpoint has voices of its own
        find_voice(profile.local.voice)


def _set_enabled(invocation: Invocation, slug: str, enabled: bool) -> None:
    from agentvoice.storage.agents import set_agent_enabled

    with invocation.database() as database, database.writing() as session:
        revision = set_agent_enabled(session, slug, enabled, invocation.utc_ms())
    invocation.answer(document_of(revision), f"{slug} is {'enabled' if enabled else 'disabled'}")


def _tell(invocation: Invocation, revision: AgentRevision, hint: str) -> None:
    document = document_of(revision)
    text = f"{revision.profile.slug}  revision {revision.number}  {document['npub']}\n{hint}"
    invocation.answer(document, text)
