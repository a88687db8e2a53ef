from __future__ import annotations

from agentvoice.core.leg import HandoverTimed, TurnTimed
from agentvoice.core.turn_timing import TurnTiming


def test_the_wait_begins_where_the_speech_ended():
    """End-pointing is part of the wait: the speech ended before the session noticed."""
    timing = TurnTiming()
    timing.appended(5_000)
    timing.speech_stopped(4_600, now_s=100.0)
    assert timing.first_sound("ada", 100.3) == (TurnTimed("ada", 700),)


def test_a_turn_is_timed_once():
    """Only the first sound of a reply ends the wait."""
    timing = TurnTiming()
    timing.typed(10.0)
    assert timing.first_sound("ada", 10.25) == (TurnTimed("ada", 250),)
    assert timing.first_sound("ada", 10.5) == ()


def test_a_handover_is_timed_from_its_request():
    """The turn that asked and the handover are both timed by the new agent's first sound."""
    timing = TurnTiming()
    timing.typed(10.0)
    timing.handover_asked("ada", "max", 10.5)
    assert timing.first_sound("max", 11.0) == (TurnTimed("max", 1_000), HandoverTimed("ada", "max", 500))


def test_a_new_session_counts_from_zero():
    """Milliseconds of sound are those of the session that is joined."""
    timing = TurnTiming()
    timing.appended(5_000)
    timing.begin_session()
    timing.appended(1_000)
    timing.speech_stopped(900, now_s=50.0)
    assert timing.first_sound("ada", 50.0) == (TurnTimed("ada", 100),)
