from __future__ import annotations

from itertools import product

import pytest

from agentvoice.core.farewell import Farewell, FarewellEvent, next_farewell

NONE, PENDING, HELD_UP = Farewell.NONE, Farewell.PENDING, Farewell.HELD_UP
ASKED, SPEECH = FarewellEvent.END_ASKED, FarewellEvent.SPEECH_STARTED
WORDS, NOTHING = FarewellEvent.WORDS_HEARD, FarewellEvent.NOTHING_SAID


@pytest.mark.parametrize(("farewell", "event"), list(product(Farewell, FarewellEvent)))
def test_every_event_is_possible_at_any_time(farewell: Farewell, event: FarewellEvent):
    """The caller may do anything at any time: the machine always has an answer."""
    assert next_farewell(farewell, event) in Farewell


@pytest.mark.parametrize("event", [SPEECH, WORDS, NOTHING])
def test_nobody_but_the_agent_begins_a_farewell(event: FarewellEvent):
    """What the caller says ends no call by itself."""
    assert next_farewell(NONE, event) is NONE


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ((ASKED,), PENDING),
        ((ASKED, SPEECH), HELD_UP),
        ((ASKED, SPEECH, WORDS), NONE),
        ((ASKED, SPEECH, NOTHING), PENDING),
        ((ASKED, WORDS), PENDING),
        ((ASKED, SPEECH, WORDS, ASKED), PENDING),
    ],
)
def test_words_take_a_farewell_back_and_noise_does_not(events: tuple[FarewellEvent, ...], end: Farewell):
    """Only words spoken over the farewell count, not a late transcript of what came before."""
    farewell = NONE
    for event in events:
        farewell = next_farewell(farewell, event)
    assert farewell is end
