"""What is on the relay in the end, read by nostr-sdk's client, and whether the database agrees."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping

from nostr_sdk import Client, Event, Filter, RelayUrl, ReqTarget, Timestamp

from tests.publisher_kills.ledger import Ledger
from tests.publisher_kills.wire import Wire

Turns = tuple[tuple[str, str], ...]


async def check_relay(
    relay: str, calls: Mapping[str, Turns], pubkeys: Mapping[str, str], ledger: Ledger
) -> int:
    """Assert that the relay has one complete thread per call, the database's; return how many events."""
    found = await _read_all(relay)
    by_call: dict[str, list[Event]] = defaultdict(list)
    for event in found:
        by_call[_tag(event, "realtime-session")].append(event)
    assert set(by_call) == set(calls)
    for call_id, turns in calls.items():
        _check_thread(by_call[call_id], turns, pubkeys)
    kept = ledger.events()
    assert {event.id().to_hex() for event in found} == set(kept)
    for event in found:
        call_id, text = kept[event.id().to_hex()]
        assert call_id == _tag(event, "realtime-session")
        assert json.loads(text) == json.loads(event.as_json())
    return len(found)


def check_database(wire: Wire, ledger: Ledger, left: Counter[str]) -> None:
    """Assert that all is accepted and published, and that no send went unwritten or attempt unexplained."""
    assert set(ledger.publications().values()) == {"published"}
    deliveries = ledger.deliveries()
    assert {event_id for event_id, _, _ in deliveries} == set(ledger.events()) == set(wire.sends)
    assert len(deliveries) == len(wire.sends)
    assert {state for _, state, _ in deliveries} == {"accepted"}
    assert (wire.too_early, wire.complaints) == ([], [])
    wrong = [
        (event_id, wire.sends[event_id], attempts, left[event_id])
        for event_id, _, attempts in deliveries
        if not wire.sends[event_id] <= attempts == 1 + left[event_id]
    ]
    assert wrong == [], f"(event, sends, attempts, attempts cut short): {wrong}"


def _check_thread(events: list[Event], turns: Turns, pubkeys: Mapping[str, str]) -> None:
    assert all(event.verify() for event in events)
    assert len({event.id().to_hex() for event in events}) == len(events) == len(turns) + 1
    root, *replies = sorted(events, key=lambda event: event.created_at().as_secs())
    assert not [tag for tag in root.tags() if tag.to_vec()[0] == "e"]
    assert {_tag(reply, "e") for reply in replies} == {root.id().to_hex()}
    assert root.author().to_hex() == pubkeys["project"]
    spoken = [(reply.author().to_hex(), reply.content()) for reply in replies]
    assert spoken == [(pubkeys[who or "project"], text) for who, text in turns]


async def _read_all(relay: str) -> list[Event]:
    """Read page by page, the newest first: the relay gives 500 events at a time, whatever is asked."""
    client = Client()
    await client.add_relay(RelayUrl.parse(relay))
    await client.connect()
    found: dict[str, Event] = {}
    wanted = Filter().hashtag("voice-conversation")
    try:
        while True:
            page = list(await client.fetch_events(ReqTarget.auto([wanted])))
            new = {event.id().to_hex(): event for event in page} | found
            if len(new) == len(found):
                return list(found.values())
            found = new
            oldest_s = min(event.created_at().as_secs() for event in page)
            wanted = Filter().hashtag("voice-conversation").until(Timestamp.from_secs(oldest_s))
    finally:
        await client.shutdown()


def _tag(event: Event, name: str) -> str:
    (value,) = {tag.to_vec()[1] for tag in event.tags() if tag.to_vec()[0] == name}
    return str(value)
