"""NIP-17: private messages. The transcript of a call as kind-14 messages, and where readers get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentvoice.core.event import SignedEvent, Tags, UnsignedEvent
from agentvoice.core.relay_address import ListedRelay
from agentvoice.protocols.nostr.clean import TextLimit
from agentvoice.protocols.nostr.nip01 import event_id
from agentvoice.protocols.nostr.nip59 import encode_rumor
from agentvoice.protocols.nostr.thread import (
    FinishedCall,
    common_tags,
    date_events,
    subject_of,
    transcript_notes,
)

KIND_PRIVATE_MESSAGE = 14
KIND_INBOX_RELAYS = 10_050

MIN_TEXT_BYTES = 500
"""Shorter messages would make a chat of hundreds out of a call: such a relay refuses them instead."""

_NO_ID = "0" * 64
_OF_THE_WIRE = ("-", "expiration")
"""Tags that speak to relays, which never see the message."""


def build_messages(
    call: FinishedCall, author: str, readers: Sequence[str], now_ms: int, max_rumor_bytes: int
) -> tuple[UnsignedEvent, ...]:
    """Return the unsigned messages (rumors) with the whole transcript; none if nothing was said.

    As many as it takes to keep each rumor within the size; the later ones reply to the first.
    """
    if not call.turns:
        return ()
    tags = _message_tags(call, readers)
    first_tags = (*tags, ("subject", subject_of(call.project)))
    longest = UnsignedEvent(author, now_ms // 1_000, KIND_PRIVATE_MESSAGE, first_tags + _reply(_NO_ID), "")
    left_bytes = max(MIN_TEXT_BYTES, max_rumor_bytes - len(encode_rumor(longest).encode()))
    notes = transcript_notes(call, TextLimit(left_bytes, left_bytes))
    dates = date_events([call.started_at] + [call.ended_at] * (len(notes) - 1), now_ms)
    first = replace(longest, created_at=dates[0], tags=first_tags, content=notes[0])
    reply_tags = tags + _reply(event_id(first))
    later = (
        replace(first, created_at=date, tags=reply_tags, content=note)
        for date, note in zip(dates[1:], notes[1:], strict=True)
    )
    return (first, *later)


def find_inbox_relays(event: SignedEvent) -> tuple[ListedRelay, ...]:
    """Return the relays of a list of kind 10050, addresses as they stand there, in its order."""
    return tuple(
        ListedRelay(tag[1], reads=True, writes=False)
        for tag in event.tags
        if len(tag) > 1 and tag[0] == "relay"
    )


def _message_tags(call: FinishedCall, readers: Sequence[str]) -> Tags:
    tags = tuple(tag for tag in common_tags(call) if tag[0] not in _OF_THE_WIRE)
    named = {tag[1] for tag in tags if tag[0] == "p"}
    return tags + tuple(("p", reader) for reader in readers if reader not in named)


def _reply(first_id: str) -> Tags:
    return (("e", first_id, "", "reply"),)
