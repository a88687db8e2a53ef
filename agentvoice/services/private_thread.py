"""A private call: its transcript, sealed by its author and wrapped once for each reader.

Nothing that leaves shows who spoke, what was said, or which project and call it was: relays see
gift wraps by keys that are used once, of times drawn from the last two days, each for one reader.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from agentvoice.core.call import Call
from agentvoice.core.event import Tags, UnsignedEvent
from agentvoice.core.ports import Clock, NewSigner, Signer
from agentvoice.core.project import Project
from agentvoice.core.retry import MS_PER_DAY, MS_PER_S
from agentvoice.errors import PublishError
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.protocols.nostr.nip17 import build_messages
from agentvoice.protocols.nostr.nip59 import (
    MAX_BACKDATING_S,
    MAX_WRAP_BYTES,
    backdate,
    build_seal,
    build_wrap,
    encode_rumor,
    largest_rumor,
)
from agentvoice.protocols.nostr.thread import choose_signers
from agentvoice.services.published_copy import read_published_copy
from agentvoice.services.relay_lists import RelayLists
from agentvoice.services.thread_signing import ThreadSigning
from agentvoice.storage.database import Database
from agentvoice.storage.preparations import Outgoing

SHARE_BYTES = 4

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Reader:
    pubkey: str
    relays: tuple[str, ...]


class PrivateThread:
    """Seals and wraps the transcripts of private calls; it stores nothing but relay lists."""

    def __init__(
        self,
        database: Database,
        signing: ThreadSigning,
        new_signer: NewSigner,
        relay_lists: RelayLists,
        clock: Clock,
    ) -> None:
        self._database = database
        self._signing = signing
        self._new_signer = new_signer
        self._relay_lists = relay_lists
        self._clock = clock

    async def wrap_call(self, call: Call) -> tuple[Outgoing, ...]:
        """Return the gift wraps of a call, reader by reader; none if nothing was said.

        Raises PublishError if nobody can sign, NotFound, or what loading a signer raises.
        """
        copy = await read_published_copy(self._database, call)
        project = copy.call.project
        signers = await self._signing.load_signers(copy)
        author = choose_signers(project, copy.call.agents, frozenset(signers)).root
        if not author:
            raise PublishError("no key signs for the root: give it one with `agentvoice key`")
        pubkeys = tuple(dict.fromkeys((project.pubkey, *project.readers)))
        now = self._clock.utc_ms()
        tags = _relay_tags(project, now)
        messages = build_messages(copy.call, author, pubkeys, now, largest_rumor(MAX_WRAP_BYTES, tags))
        if not messages:
            return ()
        readers = [_Reader(pubkey, await self._relays_of(pubkey, project)) for pubkey in pubkeys]
        log.info("private_call_wrapped", call_id=call.id, readers=len(readers), messages=len(messages))
        return await self._wrap_all(signers[author], readers, messages, tags)

    async def _relays_of(self, reader: str, project: Project) -> tuple[str, ...]:
        return await self._relay_lists.inbox_relays(reader, project) or project.relays

    async def _wrap_all(
        self, author: Signer, readers: Sequence[_Reader], messages: Sequence[UnsignedEvent], tags: Tags
    ) -> tuple[Outgoing, ...]:
        outgoing = []
        for reader in readers:
            for message in messages:
                outgoing.append(await self._wrap(author, reader, message, tags))
                await self._clock.sleep_until(0.0)  # encrypting for many must not hold up a live call
        return tuple(outgoing)

    async def _wrap(self, author: Signer, reader: _Reader, message: UnsignedEvent, tags: Tags) -> Outgoing:
        sealed = await author.encrypt(reader.pubkey, encode_rumor(message))
        seal = await author.sign(build_seal(author.pubkey, sealed, self._backdated()))
        fresh = self._new_signer()
        wrapped = await fresh.encrypt(reader.pubkey, encode_event(seal))
        wrap = build_wrap(fresh.pubkey, reader.pubkey, wrapped, self._backdated(), tags)
        return Outgoing(await fresh.sign(wrap), reader.relays, message.content, waits_for_root=False)

    def _backdated(self) -> int:
        share = int.from_bytes(self._clock.random_bytes(SHARE_BYTES), "big") / (1 << 8 * SHARE_BYTES)
        return backdate(self._clock.utc_ms() // MS_PER_S, share)


def _relay_tags(project: Project, now: int) -> Tags:
    """What relays must be told of a wrap: when to forget it (NIP-40), in whole steps of two days.

    An exact time would tell when the call was. NIP-70's mark cannot be kept: the wrap's key is gone.
    """
    if not project.expiration_days:
        return ()
    expires_s = (now + project.expiration_days * MS_PER_DAY) / MS_PER_S
    return (("expiration", str(math.ceil(expires_s / MAX_BACKDATING_S) * MAX_BACKDATING_S)),)
