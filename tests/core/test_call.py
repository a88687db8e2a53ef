from __future__ import annotations

from itertools import product

import pytest

from agentvoice.core.call import TRANSITIONS, CallEvent, CallState, next_call_state
from agentvoice.errors import InvalidTransition


@pytest.mark.parametrize(("state", "event"), list(product(CallState, CallEvent)))
def test_every_step_is_allowed_or_named(state: CallState, event: CallEvent):
    """What the table has is done; what it has not is refused with state and event."""
    if event in TRANSITIONS[state]:
        assert next_call_state(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(InvalidTransition, match=f"{event.value} is not possible while {state.value}"):
            next_call_state(state, event)


def test_every_state_can_reach_the_end():
    """From wherever it is, a call can be ended."""
    for state in CallState:
        if state is not CallState.ENDED:
            ending = next_call_state(state, CallEvent.END_REQUESTED)
            assert next_call_state(ending, CallEvent.CLOSED) is CallState.ENDED


def test_an_ended_call_stays_ended():
    """Nothing leads out of the last state."""
    assert TRANSITIONS[CallState.ENDED] == {}
