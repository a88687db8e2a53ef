"""An independent reader of threads: nostr-sdk's client, which nobody here wrote."""

from __future__ import annotations

from nostr_sdk import Client, Event, Filter, RelayUrl, ReqTarget


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
