"""Whose turn it is, as a table: listening, hearing, thinking, speaking.

The engine finds the turns; this machine follows them, so that the call knows when speech of the
caller is a barge-in and the caller's display knows what to show.
"""

from __future__ import annotations

from enum import StrEnum

from agentvoice.core.leg import CallStatus


class Turn(StrEnum):
    """Whose turn it is."""

    LISTENING = "listening"
    HEARING = "hearing"
    THINKING = "thinking"
    SPEAKING = "speaking"


class TurnEvent(StrEnum):
    """What moves the turn on."""

    SPEECH_STARTED = "speech_started"
    TURN_COMMITTED = "turn_committed"
    TURN_REMOVED = "turn_removed"
    REPLY_ASKED = "reply_asked"
    """We asked for a reply without a turn of the caller: a greeting, a tool's answer."""
    RESPONSE_STARTED = "response_started"
    AUDIO_QUEUED = "audio_queued"
    RESPONSE_OVER = "response_over"
    """The response ended and all its sound was heard or dropped."""
    TOOLS_RUN = "tools_run"
    """The same, but another response will tell the results of tools that still run."""


TURNS: dict[Turn, dict[TurnEvent, Turn]] = {
    Turn.LISTENING: {
        TurnEvent.SPEECH_STARTED: Turn.HEARING,
        TurnEvent.TURN_COMMITTED: Turn.THINKING,
        TurnEvent.TURN_REMOVED: Turn.LISTENING,
        TurnEvent.REPLY_ASKED: Turn.THINKING,
        TurnEvent.RESPONSE_STARTED: Turn.THINKING,
        TurnEvent.AUDIO_QUEUED: Turn.SPEAKING,
        TurnEvent.RESPONSE_OVER: Turn.LISTENING,
        TurnEvent.TOOLS_RUN: Turn.THINKING,
    },
    Turn.HEARING: {
        TurnEvent.SPEECH_STARTED: Turn.HEARING,
        TurnEvent.TURN_COMMITTED: Turn.THINKING,
        TurnEvent.TURN_REMOVED: Turn.LISTENING,
        TurnEvent.REPLY_ASKED: Turn.HEARING,
        # A reply asked for earlier (a greeting) may begin while the caller talks: the caller's
        # speech wins, the sound is a barge-in's business.
        TurnEvent.RESPONSE_STARTED: Turn.HEARING,
        TurnEvent.AUDIO_QUEUED: Turn.HEARING,
        TurnEvent.RESPONSE_OVER: Turn.HEARING,
        TurnEvent.TOOLS_RUN: Turn.HEARING,
    },
    Turn.THINKING: {
        TurnEvent.SPEECH_STARTED: Turn.HEARING,
        TurnEvent.TURN_COMMITTED: Turn.THINKING,
        TurnEvent.TURN_REMOVED: Turn.LISTENING,
        TurnEvent.REPLY_ASKED: Turn.THINKING,
        TurnEvent.RESPONSE_STARTED: Turn.THINKING,
        TurnEvent.AUDIO_QUEUED: Turn.SPEAKING,
        TurnEvent.RESPONSE_OVER: Turn.LISTENING,
        TurnEvent.TOOLS_RUN: Turn.THINKING,
    },
    Turn.SPEAKING: {
        TurnEvent.SPEECH_STARTED: Turn.HEARING,
        TurnEvent.TURN_COMMITTED: Turn.THINKING,
        TurnEvent.TURN_REMOVED: Turn.SPEAKING,
        TurnEvent.REPLY_ASKED: Turn.SPEAKING,
        TurnEvent.RESPONSE_STARTED: Turn.SPEAKING,
        TurnEvent.AUDIO_QUEUED: Turn.SPEAKING,
        TurnEvent.RESPONSE_OVER: Turn.LISTENING,
        TurnEvent.TOOLS_RUN: Turn.THINKING,
    },
}

STATUS: dict[Turn, CallStatus] = {
    Turn.LISTENING: CallStatus.LISTENING,
    Turn.HEARING: CallStatus.HEARING,
    Turn.THINKING: CallStatus.THINKING,
    Turn.SPEAKING: CallStatus.SPEAKING,
}


def next_turn(turn: Turn, event: TurnEvent) -> Turn:
    """Return whose turn it is after `event`; every event is possible in every turn."""
    return TURNS[turn][event]
