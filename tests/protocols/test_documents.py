"""The JSON documents of the command line."""

from __future__ import annotations

import msgspec

from agentvoice.core.call import Call, CallState, EndReason, PublicationState
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.project import PublishPolicy
from agentvoice.protocols.documents import (
    StoredCall,
    UsageDocument,
    call_document,
    encode_document,
)
from tests.protocols.test_publication_documents import DELIVERY, ROOT, WORDS, thread

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


def decoded(record: StoredCall) -> dict:
    document = call_document(record, WORDS)
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
    assert list(document["publication"]) == [
        "state", "root", "nevent", "events", "summary", "error", "advice", "prepared_at", "published_at",
        "accepted_relays", "relays", "edited", "redactions", "unpublished_at", "deletions",
    ]  # fmt: skip
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
