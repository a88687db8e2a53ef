from __future__ import annotations

from agentvoice.core.leg import CallStatus, StatusChanged
from agentvoice.core.turn_taking import Turn, TurnEvent
from agentvoice.services.turn_display import TurnDisplay
from tests.fakes.caller_leg import FakeLeg


def test_only_changes_are_shown():
    """A step that leaves the turn where it is shows nothing."""
    leg = FakeLeg()
    display = TurnDisplay(leg)
    display.move(TurnEvent.RESPONSE_OVER)
    display.move(TurnEvent.SPEECH_STARTED)
    display.move(TurnEvent.SPEECH_STARTED)
    assert leg.shown == [StatusChanged(CallStatus.HEARING)]


def test_a_status_of_the_call_covers_the_turn():
    """While the call switches, turns go on unseen; then the one it is is shown."""
    leg = FakeLeg()
    display = TurnDisplay(leg)
    display.show_status(CallStatus.SWITCHING)
    display.move(TurnEvent.REPLY_ASKED)
    assert leg.status is CallStatus.SWITCHING
    display.show_turn()
    display.move(TurnEvent.AUDIO_QUEUED)
    assert [update.status for update in leg.shown_of(StatusChanged)] == [
        CallStatus.SWITCHING,
        CallStatus.THINKING,
        CallStatus.SPEAKING,
    ]


def test_a_new_session_listens():
    """Whatever the old one heard or said, the new one begins by listening."""
    display = TurnDisplay(FakeLeg())
    display.move(TurnEvent.SPEECH_STARTED)
    display.begin_session()
    assert display.turn is Turn.LISTENING
