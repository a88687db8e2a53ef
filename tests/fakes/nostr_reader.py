"""An independent reader of threads: nostr-sdk's client, which nobody here wrote."""

from __future__ import annotations

import json

from nostr_sdk import Client, Event, Filter, Metadata, RelayUrl, ReqTarget

from agentvoice.core.event import SignedEvent
from agentvoice.protocols.nostr.nip01 import encode_event


async def read_thread(root: str, relay: str) -> list[Event]:
    """Read a thread whose every id and signature holds, root first, in the order of its times."""
    client = Client()
    await client.add_relay(RelayUrl.parse(relay))
    await client.connect()
    try:
        found = await client.fetch_events(ReqTarget.auto([Filter().hashtag("voice-conversation")]))
        events = [event for event in found if _is_of(event, root)]
    finally:
        await client.shutdown()
    assert all(event.verify() for event in events)
    return sorted(events, key=lambda event: event.created_at().as_secs())


def _is_of(event: Event, root: str) -> bool:
    return event.id().to_hex() == root or any(tag.to_vec()[:2] == ["e", root] for tag in event.tags())


def read_profile(event: SignedEvent) -> dict[str, object]:
    """Return what a profile says to this library, which checks the signature too."""
    found = Event.from_json(encode_event(event))
    assert found.verify() and found.kind().as_u16() == 0
    said: dict[str, object] = json.loads(Metadata.from_json(found.content()).as_json())
    return said
