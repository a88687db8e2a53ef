"""A stored call as a document."""

from __future__ import annotations

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import Delivery, DeliveryState, Publication, ThreadEvent
from agentvoice.core.event import SignedEvent
from agentvoice.protocols.nostr.nip19 import decode_nevent
from agentvoice.services.call_document import link_of

ROOT = SignedEvent("ab" * 32, "cd" * 32, 1, 1, (), "head", "ef" * 64)
EMBEDDED = "ws://127.0.0.1:7447"


def publication(**states: DeliveryState) -> Publication:
    deliveries = tuple(
        Delivery(
            number, "c", ROOT.id, relay if relay == "embedded" else f"wss://{relay}", True, state, 1, 1, 1
        )
        for number, (relay, state) in enumerate(states.items())
    )
    return Publication(
        "c", "p", PublicationState.QUEUED, "", 1, 1, 0, (ThreadEvent("c", 0, ROOT),), deliveries
    )


def test_the_link_names_the_relays_that_have_the_thread():
    """A reader is sent where the thread is, not where it failed."""
    thread = publication(embedded=DeliveryState.ACCEPTED, other=DeliveryState.REJECTED)
    pointer = decode_nevent("x", link_of(thread, EMBEDDED))
    assert pointer.relays == (EMBEDDED,)
    assert (pointer.event_id, pointer.author, pointer.kind) == (ROOT.id, ROOT.pubkey, 1)


def test_the_link_of_a_waiting_thread_names_where_it_will_be():
    """Before any relay has it, all relays it is meant for are named."""
    thread = publication(embedded=DeliveryState.WAITING, other=DeliveryState.WAITING)
    assert decode_nevent("x", link_of(thread, EMBEDDED)).relays == (EMBEDDED, "wss://other")
