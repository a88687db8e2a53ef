"""What of a finished call is published: its turns, who spoke, and under which project's rules.

First the operator's edits, then redaction; the items themselves are never changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agentvoice.core.agent import AgentProfile
from agentvoice.core.call import Call
from agentvoice.core.project import Project
from agentvoice.protocols.nostr.clean import clean_text
from agentvoice.protocols.nostr.thread import FinishedCall, Speaker
from agentvoice.protocols.nostr.turns import Turn, merge_turns
from agentvoice.services.redacting import KnownSecrets, apply_rules, read_secrets, refuse_missing
from agentvoice.storage import agents, conversations, keys, projects, reviews
from agentvoice.storage.database import Database
from agentvoice.storage.transactions import read, write


@dataclass(frozen=True, slots=True)
class PublishedCopy:
    """What is signed of a call; `references` gives each stored key's reference by its pubkey.

    `spoken` are the turns before edits and redaction, `edits` the operator's texts by a turn's
    position. `redactions` counts what each rule took out; `unread` says which secrets it could not
    look for (only ever of a preview).
    """

    call: FinishedCall
    references: dict[str, str]
    spoken: tuple[Turn, ...]
    edits: Mapping[int, str]
    redactions: Mapping[str, int]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the database holds of it; none of it changes once the call may be signed."""

    profiles: tuple[AgentProfile, ...]
    spoken: tuple[Turn, ...]
    edits: Mapping[int, str]
    project: Project
    references: dict[str, str]
    all_profiles: tuple[AgentProfile, ...]


async def read_published_copy(database: Database, call: Call) -> PublishedCopy:
    """Return what will be published of an ended call, and record what was redacted of it.

    Raises NotFound, a StorageError, or SecretNotHere when a rule cannot be applied in this process.
    """
    stored = await _read_stored(database, call)
    secrets = await _read_secrets(stored)
    refuse_missing(secrets)
    copy = await _copy(call, stored, secrets)
    await write(database, lambda session: reviews.record_redactions(session, call.id, copy.redactions))
    return copy


async def preview_published_copy(database: Database, call: Call) -> PublishedCopy:
    """Return what would be published as far as this process can tell; nothing is recorded."""
    stored = await _read_stored(database, call)
    return await _copy(call, stored, await _read_secrets(stored))


def apply_edits(turns: Sequence[Turn], edits: Mapping[int, str]) -> tuple[Turn, ...]:
    """Return the turns with the operator's texts in place of what was said, without those left out."""
    edited = []
    for turn in turns:
        if turn.position in edits:
            turn = replace(turn, text=clean_text(edits[turn.position]), is_edited=True)
        if turn.text:
            edited.append(turn)
    return tuple(edited)


async def _read_stored(database: Database, call: Call) -> _Stored:
    revisions = await read(database, lambda session: conversations.revisions_of(session, call.id))
    items = await read(database, lambda session: conversations.items_of(session, call.id))
    project = await read(database, lambda session: projects.get_project(session, call.project))
    return _Stored(
        profiles=tuple(revision.profile for revision in revisions),
        spoken=merge_turns(items),
        edits=await read(database, lambda session: reviews.edits_of(session, call.id)),
        # The thread goes where the caller was told it would, not where the project was pointed since.
        project=replace(project, relays=call.relays),
        references={key.pubkey: key.reference for key in await read(database, keys.list_keys)},
        all_profiles=tuple(revision.profile for revision in await read(database, agents.list_agents)),
    )


async def _read_secrets(stored: _Stored) -> KnownSecrets:
    return await read_secrets(stored.project.redact, stored.profiles, stored.all_profiles)


async def _copy(call: Call, stored: _Stored, secrets: KnownSecrets) -> PublishedCopy:
    profiles = {profile.slug: profile for profile in stored.profiles}
    finished = FinishedCall(
        call.id,
        stored.project,
        tuple(Speaker(slug, profile.name, profile.pubkey) for slug, profile in profiles.items()),
        apply_edits(stored.spoken, stored.edits),
        call.started_at,
        call.ended_at,
        is_edited=bool(stored.edits),
    )
    redacted, counts = await apply_rules(finished, stored.project.redact, secrets)
    return PublishedCopy(redacted, stored.references, stored.spoken, stored.edits, counts, secrets.missing)
