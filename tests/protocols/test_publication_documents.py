"""The JSON documents of threads."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import (
    Delivery,
    DeliveryPurpose,
    DeliveryState,
    Publication,
    ThreadEvent,
)
from agentvoice.core.event import SignedEvent
from agentvoice.errors import RemoteProtocolError
from agentvoice.protocols.publication_documents import (
    PublicationChange,
    Wording,
    decode_change,
    publication_document,
    publication_summary,
)

ROOT = ThreadEvent("c1", 0, SignedEvent("e0", "p0", 1, 1, (), "head", "s"))
REPLY = ThreadEvent("c1", 1, SignedEvent("e1", "p1", 1, 1, (), "Hello", "s"))
DELIVERY = Delivery(
    1, "c1", "e1", "embedded", False, DeliveryState.WAITING, 2, 5, 1_700_000_002_000, "timeout"
)
WORDS = Wording(
    npub_of=lambda pubkey: f"npub-{pubkey}",
    nevent_of=lambda publication: f"nevent-{publication.call_id}",
    advice_of=lambda delivery, pubkey, waits, is_taken_back: (
        "gone" if is_taken_back else "held" if waits else "slow",
        f"ask {pubkey}",
    ),
    advice_of_error=lambda error: f"mend {error}",
    accepted_relays=2,
)


def thread(events=(), deliveries=()) -> Publication:
    return Publication("c1", "home", PublicationState.QUEUED, "", 0, 0, 0, events, deliveries)


def shown(publication: Publication) -> dict:
    built: dict = msgspec.to_builtins(publication_document(publication, WORDS))
    return built


def test_events_carry_their_own_deliveries_and_signer():
    """Deliveries stand under their event; the root comes first whatever order they were read in."""
    document = shown(thread((REPLY, ROOT), (DELIVERY,)))
    assert [event["id"] for event in document["events"]] == ["e0", "e1"]
    assert (document["root"], document["nevent"]) == ("e0", "nevent-c1")
    assert document["events"][0]["deliveries"] == []
    assert document["events"][1]["signer"] == "npub-p1"
    assert document["events"][1]["deliveries"] == [
        {
            "relay": "embedded",
            "state": "waiting",
            "attempts": 2,
            "next_attempt_at": "2023-11-14T22:13:22.000Z",
            "last_answer": "timeout",
            "reason": "held",
            "advice": "ask p1",
        }
    ]


def test_each_relay_has_a_line_of_its_own():
    """How much of the thread it has, when it is tried next, and the answer that says most."""
    root = replace(DELIVERY, id=2, event_id="e0", is_root=True, state=DeliveryState.ACCEPTED, last_answer="")
    assert shown(thread((ROOT, REPLY), (root, DELIVERY)))["relays"] == [
        {
            "relay": "embedded",
            "has_all": False,
            "states": {"waiting": 1, "accepted": 1},
            "next_attempt_at": "2023-11-14T22:13:22.000Z",
            "last_answer": "timeout",
            "reason": "slow",
            "advice": "ask p1",
        }
    ]


def test_an_unsigned_thread_has_neither_root_nor_link():
    """Before prepare there is nothing to point to; what keeps it from being signed is told."""
    failed = replace(thread(), state=PublicationState.FAILED, error="no key", prepared_at=0)
    assert shown(failed) == {
        "state": "failed",
        "root": None,
        "nevent": None,
        "events": [],
        "summary": "Not published: the thread could not be signed: no key",
        "error": "no key",
        "advice": "mend no key",
        "prepared_at": None,
        "published_at": None,
        "accepted_relays": 2,
        "relays": [],
        "edited": 0,
        "redactions": {},
        "unpublished_at": None,
        "deletions": [],
    }


def test_a_listed_thread_says_where_it_stands_and_why():
    """A page of threads needs no events."""
    failed = Publication("c1", "home", PublicationState.FAILED, "no key", 1_700_000_000_000, 0, 0)
    summary = publication_summary(failed)
    assert (summary.call, summary.project, summary.state, summary.error) == ("c1", "home", "failed", "no key")
    assert (summary.ended_at, summary.published_at) == ("2023-11-14T22:13:20.000Z", None)


def test_a_thread_that_was_taken_back_shows_its_deletions():
    """Its own deliveries are told as gone, the deletions with theirs."""
    deletion = ThreadEvent("c1", 2, SignedEvent("e2", "p0", 1, 5, (), "", "s"))
    asked = replace(DELIVERY, id=3, event_id="e2", purpose=DeliveryPurpose.DELETION)
    taken_back = replace(
        thread((ROOT, REPLY), (DELIVERY,)), unpublished_at=1_700_000_000_000, deletions=(deletion,),
        deletion_deliveries=(asked,), edits=2, redactions={"phone": 1},
    )  # fmt: skip
    document = shown(taken_back)
    assert document["unpublished_at"] == "2023-11-14T22:13:20.000Z"
    assert (document["edited"], document["redactions"]) == (2, {"phone": 1})
    assert document["events"][1]["deliveries"][0]["reason"] == "gone"
    assert [(each["id"], each["signer"]) for each in document["deletions"]] == [("e2", "npub-p0")]
    assert [(each["reason"], each["advice"]) for each in document["deletions"][0]["deliveries"]] == [
        ("slow", "ask p0")
    ]


def test_a_change_is_read_as_it_was_answered():
    """What is none is a fault of the peer."""
    change = PublicationChange("1" * 32, 3, "queued")
    assert decode_change(msgspec.json.encode(change)) == change
    with pytest.raises(RemoteProtocolError, match="daemon: "):
        decode_change(b"<html>")
