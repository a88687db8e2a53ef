"""What a person who reviews a call is shown: the very copy that would be published."""

from __future__ import annotations

from agentvoice.core.call import Call
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.protocols.nostr.thread import (
    CALLER_NAME,
    ThreadSigners,
    build_thread,
    choose_signers,
    find_unsignable,
)
from agentvoice.protocols.nostr.turns import CALLER, Turn
from agentvoice.protocols.review_documents import ReviewDocument, ReviewEventDocument, ReviewTurnDocument
from agentvoice.services.published_copy import PublishedCopy, preview_published_copy
from agentvoice.storage import conversations
from agentvoice.storage.database import Database
from agentvoice.storage.transactions import read


async def read_review_copy(database: Database, call_id: str) -> PublishedCopy:
    """Return the published copy of an ended call as it stands. Raises NotFound or a StorageError."""
    call: Call = await read(database, lambda session: conversations.get_call(session, call_id))
    return await preview_published_copy(database, call)


async def read_review_document(database: Database, call_id: str) -> ReviewDocument:
    """Return the document of a published copy. Raises NotFound or a StorageError."""
    return review_document(await read_review_copy(database, call_id))


def review_document(copy: PublishedCopy) -> ReviewDocument:
    """Return a published copy as it is printed; turns are numbered as they were spoken."""
    call = copy.call
    signers = choose_signers(call.project, call.agents, frozenset(copy.references))
    missing = find_unsignable(call, signers)
    events = () if missing else build_thread(call, signers, call.ended_at)
    published = {turn.position: turn for turn in call.turns}
    return ReviewDocument(
        title=call.project.title,
        shape=call.project.shape.value,
        relays=list(call.project.relays),
        edited=len(copy.edits),
        redactions=dict(copy.redactions),
        turns=[
            _turn(number, turn, published.get(turn.position), copy, signers)
            for number, turn in enumerate(copy.spoken, 1)
        ],
        events=[
            ReviewEventDocument(encode_npub(event.pubkey), event.content, [list(tag) for tag in event.tags])
            for event in events
        ],
        missing_keys=list(missing),
        unread_secrets=list(copy.unread),
    )


def speaker_name(copy: PublishedCopy, turn: Turn) -> str:
    """Return what readers will know the turn's speaker by."""
    names = {agent.slug: agent.name for agent in copy.call.agents}
    return CALLER_NAME if turn.speaker == CALLER else names.get(turn.speaker, turn.speaker)


def _turn(
    number: int, spoken: Turn, published: Turn | None, copy: PublishedCopy, signers: ThreadSigners
) -> ReviewTurnDocument:
    pubkey = signers.caller if spoken.speaker == CALLER else signers.agents.get(spoken.speaker, "")
    return ReviewTurnDocument(
        number=number,
        position=spoken.position,
        speaker=speaker_name(copy, spoken),
        signer=encode_npub(pubkey) if pubkey else None,
        text=published.text if published else None,
        edited=spoken.position in copy.edits,
        redacted=list(published.redacted) if published else [],
    )
