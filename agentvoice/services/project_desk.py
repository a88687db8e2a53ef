"""Projects as commands and the API add, change and remove them.

Nothing is kept in memory: calls, sign-ins and the publisher read a project when they need it, so a
change is effective for the next call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from agentvoice.core.ports import Clock, KeyMaker
from agentvoice.core.project import Project, change_project, new_project
from agentvoice.errors import NotFound, UsageError
from agentvoice.protocols.documents import project_document
from agentvoice.protocols.nostr.nip19 import decode_pubkey, encode_npub
from agentvoice.services.key_making import made_key
from agentvoice.storage import keys, projects
from agentvoice.storage.database import Database
from agentvoice.storage.keys import StoredKey
from agentvoice.storage.transactions import read, write

Document = dict[str, Any]
Changes = Mapping[str, Any]
"""Fields of core.project.Project that are given."""

KEY_FIELDS = ("pubkey", "caller_pubkey")
PEOPLE_FIELDS = ("readers", "callers")


def document_of(project: Project) -> Document:
    """Return the project's JSON document."""
    return project_document(project, npub=encode_npub(project.pubkey))


def add_project(
    database: Database,
    slug: str,
    changes: Changes,
    now: int,
    *,
    own: StoredKey | None = None,
    caller: StoredKey | None = None,
) -> Project:
    """Store a new project; `own` is its new key, `caller` signs the person's turns. Raises UsageError."""
    with database.writing() as session:
        added = change_project(new_project(slug), _with_keys(session, changes, own, caller))
        projects.create_project(session, added, now)
    return added


def edit_project(
    database: Database, slug: str, changes: Changes, now: int, *, caller: StoredKey | None = None
) -> Project:
    """Change what is given of a project; the rest stays. Raises UsageError or NotFound."""
    with database.writing() as session:
        current = projects.get_project(session, slug)
        changed = change_project(current, _with_keys(session, changes, None, caller))
        projects.update_project(session, changed, now)
    return changed


def _with_keys(
    session: Any, changes: Changes, own: StoredKey | None, caller: StoredKey | None
) -> dict[str, Any]:
    named = dict(changes)
    for name, key in (("pubkey", own), ("caller_pubkey", caller)):
        if key is not None:
            keys.add_key(session, key)
            named[name] = key.pubkey
    return named


def decode_keys(changes: Changes) -> dict[str, Any]:
    """Return the changes with hex public keys for npubs, each of a list once.

    A `caller_pubkey` of "" is nobody's. Raises UsageError or InvalidKey naming the field.
    """
    decoded = dict(changes)
    if decoded.get("pubkey") == "":
        raise UsageError("pubkey: got nothing, want an npub or 64 hex digits")
    for name in KEY_FIELDS:
        if decoded.get(name):
            decoded[name] = decode_pubkey(name, decoded[name])
    for name in PEOPLE_FIELDS:
        if name in decoded:
            decoded[name] = tuple(dict.fromkeys(decode_pubkey(name, key) for key in decoded[name]))
    return decoded


class ProjectDesk:
    """Projects for the API, off the event loop; public keys come as npubs or hex."""

    def __init__(self, database: Database, key_maker: KeyMaker, clock: Clock) -> None:
        self._database = database
        self._key_maker = key_maker
        self._clock = clock

    async def list_projects(self) -> list[Document]:
        """Return the documents of all projects by slug."""
        return [document_of(each) for each in await read(self._database, projects.list_projects)]

    async def show(self, slug: str) -> Document:
        """Return a project's document. Raises NotFound."""
        return document_of(await read(self._database, lambda session: projects.get_project(session, slug)))

    async def add(self, slug: str, changes: Changes) -> Document:
        """Add a project; without a `pubkey` it gets a key of its own. Raises UsageError or NotFound."""
        return document_of(await asyncio.to_thread(self._add, slug, decode_keys(changes)))

    async def edit(self, slug: str, changes: Changes) -> Document:
        """Change what is given of a project, for calls to come. Raises UsageError or NotFound."""
        if not changes:
            raise UsageError("body: got no field, want one that shall change, such as title")
        return document_of(await asyncio.to_thread(self._edit, slug, decode_keys(changes)))

    async def remove(self, slug: str) -> None:
        """Remove a project; its calls and its key stay. Raises NotFound, or Refused while a call needs it."""
        await write(self._database, lambda session: projects.remove_project(session, slug))

    def _add(self, slug: str, changes: Changes) -> Project:
        change_project(new_project(slug), changes)  # before a key is made for what is not usable
        caller, now = self._find_caller(changes), self._clock.utc_ms()
        own = nullcontext(None) if "pubkey" in changes else made_key(self._key_maker, f"project {slug}", now)
        with own as key:
            return add_project(self._database, slug, changes, now, own=key, caller=caller)

    def _edit(self, slug: str, changes: Changes) -> Project:
        caller = self._find_caller(changes)
        return edit_project(self._database, slug, changes, self._clock.utc_ms(), caller=caller)

    def _find_caller(self, changes: Changes) -> StoredKey | None:
        """Return the key that shall sign the person's turns; None if none is named. Raises NotFound."""
        pubkey = changes.get("caller_pubkey")
        if not pubkey:
            return None
        with self._database.reading() as session:
            found = next((key for key in keys.list_keys(session) if key.pubkey == pubkey), None)
        if found is None:
            raise NotFound(
                f"caller_pubkey: nothing here can sign as {encode_npub(pubkey)}:"
                " `agentvoice key list` shows what can"
            )
        return found
