from __future__ import annotations

from itertools import product

import pytest

from agentvoice.core.turn_taking import STATUS, Turn, TurnEvent, next_turn


@pytest.mark.parametrize(("turn", "event"), list(product(Turn, TurnEvent)))
def test_every_event_is_possible_in_every_turn(turn: Turn, event: TurnEvent):
    """The engine may say anything at any time: the machine always has an answer."""
    assert next_turn(turn, event) in Turn


@pytest.mark.parametrize("turn", Turn)
def test_speech_of_the_caller_always_wins(turn: Turn):
    """Whoever has the turn, the caller's speech takes it."""
    assert next_turn(turn, TurnEvent.SPEECH_STARTED) is Turn.HEARING


@pytest.mark.parametrize(
    "event",
    [TurnEvent.RESPONSE_STARTED, TurnEvent.AUDIO_QUEUED, TurnEvent.RESPONSE_OVER, TurnEvent.TOOLS_RUN],
)
def test_a_reply_does_not_take_the_turn_from_a_speaking_caller(event: TurnEvent):
    """What the agent does while the caller talks leaves the turn with the caller."""
    assert next_turn(Turn.HEARING, event) is Turn.HEARING


def test_a_turn_goes_round():
    """Listening, hearing, thinking, speaking, and listening again."""
    turn = Turn.LISTENING
    seen = []
    for event in (
        TurnEvent.SPEECH_STARTED,
        TurnEvent.TURN_COMMITTED,
        TurnEvent.RESPONSE_STARTED,
        TurnEvent.AUDIO_QUEUED,
        TurnEvent.RESPONSE_OVER,
    ):
        turn = next_turn(turn, event)
        seen.append(turn)
    assert seen == [Turn.HEARING, Turn.THINKING, Turn.THINKING, Turn.SPEAKING, Turn.LISTENING]


@pytest.mark.parametrize("turn", [Turn.LISTENING, Turn.THINKING, Turn.SPEAKING])
def test_an_agent_whose_tools_run_is_thinking(turn: Turn):
    """The caller need not speak: the reply comes with the tools' results."""
    assert next_turn(turn, TurnEvent.TOOLS_RUN) is Turn.THINKING


def test_every_turn_is_shown():
    """Each turn has a status for the caller's display."""
    assert set(STATUS) == set(Turn)
