from __future__ import annotations

import itertools

import pytest

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import (
    OPEN_STATES,
    TRANSITIONS,
    Delivery,
    DeliveryEvent,
    DeliveryState,
    Publication,
    next_delivery_state,
    settle_publication,
    states_before,
)
from agentvoice.errors import InvalidTransition

A, W, R, T, E, D = (
    DeliveryState.ACCEPTED,
    DeliveryState.WAITING,
    DeliveryState.REJECTED,
    DeliveryState.ATTEMPTING,
    DeliveryState.EXPIRED,
    DeliveryState.DROPPED,
)
PAIRS = list(itertools.product(DeliveryState, DeliveryEvent))

# Every pair that is possible, written out by hand: the table must say exactly this.
POSSIBLE = {
    (W, DeliveryEvent.ATTEMPT_STARTED): T, (W, DeliveryEvent.POSTPONED): W, (W, DeliveryEvent.REJECTED): R,
    (W, DeliveryEvent.EXPIRED): E, (W, DeliveryEvent.DROPPED): D, (W, DeliveryEvent.RETRY_REQUESTED): W,
    (T, DeliveryEvent.ATTEMPT_STARTED): T, (T, DeliveryEvent.ACCEPTED): A, (T, DeliveryEvent.REJECTED): R,
    (T, DeliveryEvent.POSTPONED): W, (T, DeliveryEvent.RELEASED): W, (T, DeliveryEvent.EXPIRED): E, (T, DeliveryEvent.DROPPED): D,
    (A, DeliveryEvent.ACCEPTED): A,
    (R, DeliveryEvent.ACCEPTED): A, (R, DeliveryEvent.RETRY_REQUESTED): W, (R, DeliveryEvent.DROPPED): D,
    (E, DeliveryEvent.ACCEPTED): A, (E, DeliveryEvent.RETRY_REQUESTED): W, (E, DeliveryEvent.DROPPED): D,
    (D, DeliveryEvent.ACCEPTED): A, (D, DeliveryEvent.RETRY_REQUESTED): W,
}  # fmt: skip


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_state_and_event(state: DeliveryState, event: DeliveryEvent):
    """Each pair leads where it should, or is refused by name."""
    if (state, event) in POSSIBLE:
        assert next_delivery_state(state, event) is POSSIBLE[state, event]
        assert state in states_before(event)
    else:
        with pytest.raises(InvalidTransition, match=f"{event.value} is not possible while {state.value}"):
            next_delivery_state(state, event)
        assert state not in states_before(event)


def test_what_a_relay_has_it_has():
    """No event leads out of accepted."""
    assert set(TRANSITIONS[A].values()) == {A}
    assert A not in OPEN_STATES


@pytest.mark.parametrize(
    ("states", "accepted_relays", "expected"),
    [
        ({"r1": [A, A]}, 1, PublicationState.PUBLISHED),
        ({"r1": [A, A], "r2": [W, W]}, 1, PublicationState.PUBLISHED),
        ({"r1": [A, A], "r2": [W, W]}, 2, PublicationState.QUEUED),
        ({"r1": [A, A], "r2": [R, R]}, 2, PublicationState.PARTIAL),
        ({"r1": [A, A]}, 3, PublicationState.PUBLISHED),
        ({"r1": [A, W]}, 1, PublicationState.QUEUED),
        ({"r1": [A, T]}, 1, PublicationState.QUEUED),
        ({"r1": [A, R]}, 1, PublicationState.PARTIAL),
        ({"r1": [A, E], "r2": [R, R]}, 1, PublicationState.PARTIAL),
        ({"r1": [R, R]}, 1, PublicationState.FAILED),
        ({"r1": [E, D]}, 1, PublicationState.FAILED),
        ({"r1": [R, R], "r2": [W, W]}, 1, PublicationState.QUEUED),
        ({}, 1, PublicationState.FAILED),
    ],
)
def test_where_a_thread_stands(
    states: dict[str, list[DeliveryState]], accepted_relays: int, expected: PublicationState
):
    """Published when enough relays have all of it; queued while any may; partial or failed in the end."""
    pairs = [(relay, state) for relay, found in states.items() for state in found]
    assert settle_publication(pairs, accepted_relays) is expected


def test_relays_with_all_of_it():
    """Only a relay that accepted every event counts as having the thread."""
    found = [("r1", A), ("r2", A), ("r1", A), ("r2", W)]
    deliveries = tuple(
        Delivery(n, "c", f"e{n // 2}", relay, n < 2, state, 1, 0, 0) for n, (relay, state) in enumerate(found)
    )
    publication = Publication("c", "p", PublicationState.PUBLISHED, "", 0, 0, 0, (), deliveries)
    assert publication.relays_with_all() == ("r1",)
