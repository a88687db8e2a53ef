"""What of a finished call is published: its turns, who spoke, and under which project's rules."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agentvoice.core.call import Call
from agentvoice.protocols.nostr.thread import FinishedCall, Speaker
from agentvoice.protocols.nostr.turns import merge_turns
from agentvoice.storage import conversations, keys, projects
from agentvoice.storage.database import Database
from agentvoice.storage.transactions import read


@dataclass(frozen=True, slots=True)
class PublishedCopy:
    """What is signed of a call; `references` gives each stored key's reference by its pubkey."""

    call: FinishedCall
    references: dict[str, str]


async def read_published_copy(database: Database, call: Call) -> PublishedCopy:
    """Return what will be published of an ended call. Raises NotFound or a StorageError."""
    revisions = await read(database, lambda session: conversations.revisions_of(session, call.id))
    items = await read(database, lambda session: conversations.items_of(session, call.id))
    stored = await read(database, lambda session: projects.get_project(session, call.project))
    # The thread goes where the caller was told it would, not where the project was pointed since.
    project = replace(stored, relays=call.relays)
    stored_keys = await read(database, keys.list_keys)
    profiles = {revision.profile.slug: revision.profile for revision in revisions}
    agents = tuple(Speaker(slug, profile.name, profile.pubkey) for slug, profile in profiles.items())
    finished = FinishedCall(call.id, project, agents, merge_turns(items), call.started_at, call.ended_at)
    return PublishedCopy(finished, {key.pubkey: key.reference for key in stored_keys})
