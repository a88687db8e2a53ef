"""Where a thread stands, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import Delivery, DeliveryPurpose, DeliveryState, Publication
from agentvoice.core.publication_status import (
    relay_statuses,
    tell_publication,
    waiting_for_root,
)

A, W, R = DeliveryState.ACCEPTED, DeliveryState.WAITING, DeliveryState.REJECTED
QUEUED, FAILED = PublicationState.QUEUED, PublicationState.FAILED


def delivery(number: int, state: DeliveryState, relay: str = "r1", **changes) -> Delivery:
    made = Delivery(number, "c", f"e{number}", relay, number == 0, state, 1, 0, 1_000 + number)
    return replace(made, **changes)


def thread(*deliveries: Delivery, state: PublicationState = QUEUED, error: str = "") -> Publication:
    return Publication("c", "p", state, error, 0, 0, 0, (), deliveries)


def test_each_relay_is_counted_for_itself():
    """How much of the thread it has, and when it is tried next."""
    found = relay_statuses(thread(delivery(0, A), delivery(1, A), delivery(0, A, "r2"), delivery(1, W, "r2")))
    assert [(each.relay, each.events, each.has_all, each.next_attempt_at) for each in found] == [
        ("r1", 2, True, 0),
        ("r2", 2, False, 1_001),
    ]


def test_a_relay_may_have_some_of_it():
    """Taking a thread back concerns every relay that has any of it."""
    some, none = relay_statuses(thread(delivery(0, A), delivery(1, W), delivery(0, W, "r2")))
    assert (some.has_any, some.has_all, none.has_any) == (True, False, False)


def test_replies_that_wait_for_their_root_do_not_say_when():
    """The relay is tried next when the root is, however long a reply has been due."""
    publication = thread(delivery(0, W, next_attempt_at=9_000), delivery(1, W, next_attempt_at=5, id=7))
    assert waiting_for_root(publication) == {7}
    assert relay_statuses(publication)[0].next_attempt_at == 9_000
    assert not waiting_for_root(thread(delivery(0, A), delivery(1, W)))


def test_the_most_telling_delivery_is_a_refusal_then_what_was_tried_most():
    """A refused root goes before the replies that share its fate, an answer before silence."""
    refused = thread(delivery(0, R, last_answer="blocked"), delivery(1, R, last_answer="with its root"))
    assert relay_statuses(refused)[0].telling.id == 0
    slow = thread(delivery(0, A), delivery(1, W), delivery(2, W, last_answer="slow", attempts=1),
                  delivery(3, W, last_answer="slower", attempts=4))  # fmt: skip
    assert relay_statuses(slow)[0].telling.id == 3


def test_a_deletion_is_not_counted():
    """What takes the thread back is no part of it."""
    deletion = delivery(5, W, purpose=DeliveryPurpose.DELETION)
    (status,) = relay_statuses(thread(delivery(0, A), deletion))
    assert status.has_all


@pytest.mark.parametrize(
    ("publication", "said"),
    [
        (thread(state=PublicationState.NONE), "Not published, and it will not be: "),
        (thread(state=PublicationState.REVIEW), "Not published: it waits for review."),
        (replace(thread(), unpublished_at=5), "Not published any more: the operator took it back."),
        (thread(), "Not published yet: the thread waits to be signed."),
        (thread(error="no key"), "Not published yet: the thread waits to be signed: no key"),
        (thread(state=FAILED, error="no key"), "Not published: the thread could not be signed: no key"),
        (
            thread(delivery(0, A), delivery(0, W, "r2")),
            "Not published yet: 1 of 2 relays has the whole thread, 2 must.",
        ),
        (
            thread(delivery(0, A), delivery(0, A, "r2"), state=PublicationState.PUBLISHED),
            "Published: 2 of 2 relays have the whole thread.",
        ),
        (
            thread(delivery(0, R), state=FAILED),
            "Not published: 0 of 1 relays have the whole thread, 1 must, and nothing more is tried.",
        ),
        (
            replace(thread(delivery(0, A), delivery(1, A), delivery(1, W, "r2")), is_private=True),
            "Not published yet: 1 of 2 gift wraps is at enough relays of the reader, all must.",
        ),
        (
            replace(
                thread(delivery(0, A), delivery(1, A), state=PublicationState.PUBLISHED), is_private=True
            ),
            "Published: 2 of 2 gift wraps are at enough relays of the reader.",
        ),
    ],
)
def test_whether_a_call_is_published_is_said_in_words(publication: Publication, said: str):
    """One sentence: yes or no, and why not."""
    assert tell_publication(publication, 2).startswith(said)
