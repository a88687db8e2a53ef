"""Whether speech interrupts: over every pair of state and event, and by the clock."""

from __future__ import annotations

import pytest

from agentvoice.core.interruption import CUTTING, HOLDING, Doubt, DoubtEvent, Interruption, Step
from agentvoice.core.turn_policy import TurnPolicy

HOLD = TurnPolicy(min_speech_ms=200, resume_false_ms=800, silence_ms=500, padding_ms=300)
CUT = TurnPolicy(min_speech_ms=200, silence_ms=500, padding_ms=300)

CHANGES = {
    (Doubt.NONE, DoubtEvent.SPEECH_STARTED): (Doubt.SUSPECTED, Step.NOTHING),
    (Doubt.SUSPECTED, DoubtEvent.LONG_ENOUGH): (Doubt.HELD, Step.HOLD),
    (Doubt.SUSPECTED, DoubtEvent.SPEECH_STOPPED): (Doubt.UNWORDED, Step.HOLD),
    (Doubt.SUSPECTED, DoubtEvent.TOO_SHORT): (Doubt.NONE, Step.NOTHING),
    (Doubt.HELD, DoubtEvent.SPEECH_STOPPED): (Doubt.UNWORDED, Step.NOTHING),
    (Doubt.HELD, DoubtEvent.TOO_SHORT): (Doubt.NONE, Step.RESUME),
    (Doubt.HELD, DoubtEvent.WORDS_HEARD): (Doubt.NONE, Step.CUT),
    (Doubt.UNWORDED, DoubtEvent.SPEECH_STARTED): (Doubt.HELD, Step.NOTHING),
    (Doubt.UNWORDED, DoubtEvent.WORDS_HEARD): (Doubt.NONE, Step.CUT),
    (Doubt.UNWORDED, DoubtEvent.NOTHING_SAID): (Doubt.NONE, Step.RESUME),
    (Doubt.UNWORDED, DoubtEvent.WAITED): (Doubt.NONE, Step.RESUME),
}


@pytest.mark.parametrize("doubt", Doubt)
@pytest.mark.parametrize("event", DoubtEvent)
def test_every_event_is_possible_in_every_state(doubt: Doubt, event: DoubtEvent):
    """What is not a change keeps the state and does nothing."""
    assert HOLDING[doubt][event] == CHANGES.get((doubt, event), (doubt, Step.NOTHING))


@pytest.mark.parametrize("doubt", CUTTING)
@pytest.mark.parametrize("event", DoubtEvent)
def test_without_holding_long_speech_cuts(doubt: Doubt, event: DoubtEvent):
    """The same table, but nothing is ever held."""
    then, step = HOLDING[doubt][event]
    wanted = (Doubt.NONE, Step.CUT) if step is Step.HOLD else (then, step)
    assert CUTTING[doubt][event] == wanted


def test_speech_holds_after_the_shortest_time_and_words_cut():
    """200 ms of speech hold the answer; its words cut it for good."""
    doubt = Interruption()
    assert doubt.speech_started(HOLD, 1_000, 10.0) is Step.NOTHING
    assert doubt.deadline_s == pytest.approx(10.2)
    assert (doubt.due(10.1), doubt.due(10.21)) == (Step.NOTHING, Step.HOLD)
    assert doubt.deadline_s is None
    assert doubt.speech_stopped(3_000, 12.0) is Step.NOTHING
    assert doubt.deadline_s == pytest.approx(12.8)
    assert doubt.words_heard() is Step.CUT
    assert (doubt.doubt, doubt.deadline_s) == (Doubt.NONE, None)


@pytest.mark.parametrize("ending", ["nothing said", "waited"])
def test_speech_without_words_resumes(ending: str):
    """A cough: its turn is removed, or no words come in time."""
    doubt = Interruption()
    doubt.speech_started(HOLD, 1_000, 10.0)
    doubt.due(10.3)
    doubt.speech_stopped(3_000, 12.0)
    assert (doubt.nothing_said() if ending == "nothing said" else doubt.due(12.8)) is Step.RESUME
    assert doubt.deadline_s is None


def test_short_speech_resumes_at_its_end():
    """Padding and silence are no speech: 900 ms of the provider's are 100 ms of the caller's."""
    doubt = Interruption()
    doubt.speech_started(HOLD, 1_000, 10.0)
    assert doubt.due(10.2) is Step.HOLD
    assert doubt.speech_stopped(1_900, 10.6) is Step.RESUME


def test_without_holding_a_cut_waits_until_the_speech_is_surely_long():
    """The provider tells of an end only after its silence."""
    doubt = Interruption()
    assert doubt.speech_started(CUT, 1_000, 10.0) is Step.NOTHING
    assert doubt.deadline_s == pytest.approx(10.7)
    assert doubt.speech_stopped(1_900, 10.6) is Step.NOTHING
    assert doubt.due(11.0) is Step.NOTHING
    doubt.speech_started(CUT, 3_000, 12.0)
    assert doubt.due(12.7) is Step.CUT


def test_more_speech_before_the_words_keeps_it_held():
    """The caller goes on: the wait for words begins anew at the next end."""
    doubt = Interruption()
    doubt.speech_started(HOLD, 1_000, 10.0)
    doubt.due(10.2)
    doubt.speech_stopped(3_000, 12.0)
    assert doubt.speech_started(HOLD, 3_200, 12.2) is Step.NOTHING
    assert (doubt.doubt, doubt.deadline_s) == (Doubt.HELD, None)


def test_no_shortest_speech_holds_at_once():
    """resume_false_ms alone: any speech holds."""
    assert Interruption().speech_started(TurnPolicy(resume_false_ms=500), 0, 1.0) is Step.HOLD


def test_forgotten_speech_does_nothing_more():
    """A button cut the answer, or the session is gone."""
    doubt = Interruption()
    doubt.speech_started(HOLD, 1_000, 10.0)
    doubt.forget()
    assert doubt.due(99.0) is Step.NOTHING
    assert doubt.words_heard() is Step.NOTHING


def test_an_older_turn_without_words_settles_nothing_while_the_caller_speaks():
    """The end of the speech that holds the answer is still to come."""
    doubt = Interruption()
    doubt.speech_started(HOLD, 1_000, 10.0)
    doubt.due(10.2)
    assert doubt.nothing_said() is Step.NOTHING
    assert doubt.doubt is Doubt.HELD
