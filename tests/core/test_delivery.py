from __future__ import annotations

import itertools

import pytest

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import (
    OPEN_STATES,
    TRANSITIONS,
    Delivery,
    DeliveryEvent,
    DeliveryPurpose,
    DeliveryState,
    Publication,
    next_delivery_state,
    settle_parts,
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
    (A, DeliveryEvent.ACCEPTED): A, (A, DeliveryEvent.FOUND_MISSING): W,
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
    """Only an event that was read back and is not there leads out of accepted."""
    assert {event for event, state in TRANSITIONS[A].items() if state is not A} == {
        DeliveryEvent.FOUND_MISSING
    }
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


def test_a_deletion_is_no_part_of_the_thread():
    """A relay that has every event has the thread, whatever it did with a deletion."""
    deliveries = (
        Delivery(1, "c", "e0", "r1", True, A, 1, 0, 0),
        Delivery(2, "c", "e9", "r1", True, W, 1, 0, 0, purpose=DeliveryPurpose.DELETION),
    )
    publication = Publication("c", "p", PublicationState.PUBLISHED, "", 0, 0, 0, (), deliveries)
    assert publication.relays_with_all() == ("r1",)


# Two events at each of three relays, in every combination of states.
THREE_RELAYS = list(itertools.product(DeliveryState, repeat=6))


@pytest.mark.parametrize("accepted_relays", [1, 2, 3, 4])
def test_published_means_enough_relays_have_every_event(accepted_relays: int):
    """Over all combinations: published exactly if that many relays have both events, whatever the rest."""
    for states in THREE_RELAYS:
        by_relay = {f"r{n}": states[2 * n : 2 * n + 2] for n in range(3)}
        pairs = [(relay, state) for relay, found in by_relay.items() for state in found]
        whole = sum(first is A and second is A for first, second in by_relay.values())
        settled = settle_publication(pairs, accepted_relays)
        assert (settled is PublicationState.PUBLISHED) == (whole >= min(accepted_relays, 3)), states
        if settled is not PublicationState.PUBLISHED:
            is_open = any(state in OPEN_STATES for state in states)
            assert (settled is PublicationState.QUEUED) == is_open, states


@pytest.mark.parametrize("states", [(D, D), (A, D), (R, R)])
def test_a_relay_that_was_given_up_does_not_make_fewer_enough(states: tuple[DeliveryState, DeliveryState]):
    """Two relays are wanted and named: dropping one leaves the call unpublished, not silently fine."""
    pairs = [("r1", A), ("r1", A), *(("r2", state) for state in states)]
    assert settle_publication(pairs, 2) is PublicationState.PARTIAL


@pytest.mark.parametrize(
    ("deliveries", "accepted_relays", "expected"),
    [
        ([("x", "r", A), ("y", "s", A)], 1, PublicationState.PUBLISHED),
        ([("x", "r", A), ("x", "s", R), ("y", "t", A), ("y", "r", W)], 1, PublicationState.PUBLISHED),
        ([("x", "r", A), ("y", "s", W)], 1, PublicationState.QUEUED),
        ([("x", "r", A), ("x", "s", W), ("y", "t", A)], 2, PublicationState.QUEUED),
        ([("x", "r", A), ("x", "s", A), ("y", "t", A)], 2, PublicationState.PUBLISHED),
        ([("x", "r", A), ("y", "s", R)], 1, PublicationState.PARTIAL),
        ([("x", "r", A), ("x", "s", R), ("y", "t", A)], 2, PublicationState.PARTIAL),
        ([("x", "r", R), ("y", "s", E)], 1, PublicationState.FAILED),
        ([], 1, PublicationState.FAILED),
    ],
)
def test_a_private_call_is_counted_reader_by_reader(
    deliveries: list[tuple[str, str, DeliveryState]], accepted_relays: int, expected: PublicationState
):
    """Published when each wrap is where it should be, though no relay has all of them."""
    assert settle_parts(deliveries, accepted_relays) is expected
