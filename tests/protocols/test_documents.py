"""The JSON documents of the command line."""

from __future__ import annotations

import msgspec

from agentvoice.core.call import Call, CallState, EndReason, PublicationState
from agentvoice.core.delivery import Delivery, DeliveryState, Publication, ThreadEvent
from agentvoice.core.event import SignedEvent
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.project import PublishPolicy
from agentvoice.protocols.documents import (
    StoredCall,
    UsageDocument,
    call_document,
    encode_document,
)

CALL = Call(
    id="c1",
    project="home",
    agent="ada",
    transport="wav",
    engine="local",
    state=CallState.ENDED,
    policy=PublishPolicy.PUBLIC,
    relays=("embedded",),
    owner_id="me",
    lease_until=0,
    started_at=1_700_000_000_001,
    end_reason=EndReason.CALLER,
    ended_at=1_700_000_060_000,
    publication=PublicationState.QUEUED,
)
ITEM = Item(
    "i1", 1, ItemKind.MESSAGE, Role.USER, "ada", "Hello", ItemStatus.COMPLETED, None, 1_700_000_001_000, 0
)
ROOT = ThreadEvent("c1", 0, SignedEvent("e0", "p0", 1, 1, (), "head", "s"))
REPLY = ThreadEvent("c1", 1, SignedEvent("e1", "p1", 1, 1, (), "Hello", "s"))
DELIVERY = Delivery(
    1, "c1", "e1", "embedded", False, DeliveryState.WAITING, 2, 5, 1_700_000_002_000, "timeout"
)


def thread(events=(), deliveries=()) -> Publication:
    return Publication("c1", "home", PublicationState.QUEUED, "", 0, 0, 0, events, deliveries)


def decoded(record: StoredCall) -> dict:
    document = call_document(
        record, npub_of=lambda pubkey: f"npub-{pubkey}", nevent_of=lambda p: f"nevent-{p.call_id}"
    )
    value: dict = msgspec.json.decode(encode_document(document))
    return value


def test_a_call_has_exactly_the_promised_keys():
    """Outside programs read these keys: none is missing, none is added by accident."""
    document = decoded(StoredCall(CALL, ("ada",), (ITEM,), UsageDocument(), 0, thread((ROOT,), (DELIVERY,))))
    assert list(document) == [
        "id", "state", "end_reason", "project", "transport", "engine", "started_at", "ended_at",
        "agents", "items", "usage", "cost_usd", "publication",
    ]  # fmt: skip
    assert list(document["items"][0]) == [
        "id", "position", "kind", "role", "agent", "text", "status", "heard_ms", "started_at", "completed_at", "tool",
    ]  # fmt: skip
    assert list(document["publication"]) == ["state", "root", "nevent", "events"]
    assert list(document["publication"]["events"][0]) == ["id", "position", "signer", "deliveries"]


def test_times_that_have_not_come_are_null():
    """0 in the tables is null in JSON, never 1970."""
    document = decoded(StoredCall(CALL, ("ada",), (ITEM,), UsageDocument(), 0, thread()))
    assert document["started_at"] == "2023-11-14T22:13:20.001Z"
    assert document["items"][0]["completed_at"] is None


def test_agents_are_listed_once_in_the_order_they_came():
    """An agent that took the call twice stands once."""
    assert decoded(StoredCall(CALL, ("ada", "max", "ada"), (), UsageDocument(), 0, thread()))["agents"] == [
        "ada",
        "max",
    ]


def test_events_carry_their_own_deliveries_and_signer():
    """Deliveries stand under their event; the root comes first whatever order they were read in."""
    publication = decoded(StoredCall(CALL, (), (), UsageDocument(), 0, thread((REPLY, ROOT), (DELIVERY,))))[
        "publication"
    ]
    assert [event["id"] for event in publication["events"]] == ["e0", "e1"]
    assert publication["root"] == "e0"
    assert publication["nevent"] == "nevent-c1"
    assert publication["events"][0]["deliveries"] == []
    assert publication["events"][1]["signer"] == "npub-p1"
    assert publication["events"][1]["deliveries"] == [
        {
            "relay": "embedded",
            "state": "waiting",
            "attempts": 2,
            "next_attempt_at": "2023-11-14T22:13:22.000Z",
            "last_answer": "timeout",
        }
    ]


def test_an_unsigned_thread_has_neither_root_nor_link():
    """Before prepare there is nothing to point to."""
    publication = decoded(StoredCall(CALL, (), (), UsageDocument(), 0, thread()))["publication"]
    assert publication == {"state": "queued", "root": None, "nevent": None, "events": []}
