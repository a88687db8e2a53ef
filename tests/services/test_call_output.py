from __future__ import annotations

import pytest

from agentvoice.core.playback import Cut
from agentvoice.core.speech import AudioDelta, ResponseEnded, ResponseStarted, ResponseStatus
from agentvoice.services.call_output import CallOutput
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.speech_session import sound


@pytest.fixture
async def leg() -> FakeLeg:
    return FakeLeg()


@pytest.fixture
async def output(leg: FakeLeg) -> CallOutput:
    return CallOutput(leg)


def say(output: CallOutput, response: str, ms: int) -> bool:
    return output.play(AudioDelta(f"of-{response}", 0, sound(ms), response))


def ended(response: str) -> ResponseEnded:
    return ResponseEnded(response, ResponseStatus.COMPLETED)


async def test_sound_goes_to_the_leg_at_once(output: CallOutput, leg: FakeLeg):
    """Nothing is kept back; the output is audible until all was played."""
    output.response_started(ResponseStarted("r1"))
    assert say(output, "r1", 100)
    assert leg.queued_samples == 100 * 24
    output.response_ended(ended("r1"))
    assert (output.is_audible, output.is_idle) == (True, False)
    assert output.played(99 * 24) == ()
    assert output.played(100 * 24) == ("of-r1",)
    assert (output.is_audible, output.is_idle) == (False, True)


async def test_a_reply_being_made_is_not_idle(output: CallOutput):
    """Between two sentences nothing sounds, but the reply is not over."""
    output.response_started(ResponseStarted("r1"))
    assert (output.is_audible, output.is_idle) == (False, False)
    output.response_ended(ended("r0"))  # an older reply's end
    assert output.active_response == "r1"


async def test_an_interrupt_names_the_reply_and_mutes_it(output: CallOutput, leg: FakeLeg):
    """The leg is told to clear once; late sound of the reply is refused until its end."""
    output.response_started(ResponseStarted("r1"))
    say(output, "r1", 100)
    assert output.interrupt() == "r1"
    assert leg.clears == 1
    assert not say(output, "r1", 100)
    assert leg.queued_samples == 0
    output.response_ended(ended("r1"))
    assert not output.is_muted("r1")


async def test_a_cut_is_where_the_leg_had_played_to(output: CallOutput, leg: FakeLeg):
    """The leg's answer, not our last report, says what was heard."""
    output.response_started(ResponseStarted("r1"))
    say(output, "r1", 1_000)
    output.played(100 * 24)
    output.interrupt()
    (cut,) = output.cleared(250 * 24)
    assert (cut.ref, cut.heard_ms, cut.received_ms) == ("of-r1", 250, 1_000)
    assert not output.is_audible


async def test_an_interrupt_in_silence_clears_nothing(output: CallOutput, leg: FakeLeg):
    """There is nothing to drop; the reply being made is still the one to cancel."""
    assert output.interrupt() == ""
    output.response_started(ResponseStarted("r1"))
    assert output.interrupt() == "r1"
    assert leg.clears == 0


async def test_the_end_of_a_call_cuts_what_was_not_heard_out(output: CallOutput):
    """Each item that still sounds is cut where it is."""
    for response in ("r1", "r2"):
        output.response_started(ResponseStarted(response))
        say(output, response, 100)
    output.played(150 * 24)
    cuts = [(cut.ref, cut.heard_ms) for cut in output.abandon()]
    assert ("of-r2", 50) in cuts
    assert not output.is_audible


async def test_a_new_session_forgets_the_old_replies(output: CallOutput):
    """A reply of the old session can neither be active nor muted any more."""
    output.response_started(ResponseStarted("r1"))
    output.interrupt()
    output.forget_session()
    assert (output.active_response, output.is_muted("r1")) == ("", False)
    assert say(output, "r1", 10)  # the new session may name its first reply the same


# Holding back.


def hears(output: CallOutput, leg: FakeLeg, ms: int) -> None:
    """The caller hears `ms` of what the leg has."""
    leg._hear(ms)
    output.played(leg.played_samples)


async def held(output: CallOutput, leg: FakeLeg) -> None:
    """1,000 ms of a reply, of which 300 were heard; then it is held."""
    output.response_started(ResponseStarted("r1"))
    say(output, "r1", 1_000)
    hears(output, leg, 300)
    output.hold()


async def test_held_sound_is_played_on_once(output: CallOutput, leg: FakeLeg):
    """Hold and resume twice: the rest is played, no sample twice, none lost."""
    await held(output, leg)
    output.hold()
    assert leg.clears == 1 and output.cleared(leg.played_samples) == ()
    assert say(output, "r1", 100)
    assert (leg.queued_samples, output.is_audible) == (0, True)
    output.resume()
    output.resume()
    assert leg.queued_samples == 800 * 24
    hears(output, leg, 800)
    assert output.is_heard("of-r1") and not output.is_audible


async def test_resumed_before_the_leg_answered(output: CallOutput, leg: FakeLeg):
    """What comes between the order and its answer stays in its place."""
    await held(output, leg)
    output.resume()
    say(output, "r1", 100)
    assert leg.queued_samples == 0
    output.cleared(leg.played_samples)
    assert leg.queued_samples == 800 * 24


async def test_held_again_before_the_leg_answered(output: CallOutput, leg: FakeLeg):
    """The caller coughs twice: nothing is played between."""
    await held(output, leg)
    output.resume()
    output.hold()
    output.cleared(leg.played_samples)
    assert leg.queued_samples == 0


async def test_interrupted_while_held(output: CallOutput, leg: FakeLeg):
    """The cut is where the caller stopped hearing it, and says all that was received."""
    await held(output, leg)
    output.cleared(leg.played_samples)
    say(output, "r1", 100)
    assert output.interrupt() == "r1"
    assert not say(output, "r1", 100)
    assert output.cleared(leg.played_samples) == (Cut("of-r1", 0, 300, 1_100),)
    assert not output.is_audible


async def test_interrupted_before_the_leg_answered(output: CallOutput, leg: FakeLeg):
    """Two orders are open: the first gives the sound back, the second cuts it."""
    await held(output, leg)
    output.interrupt()
    output.response_started(ResponseStarted("r2"))
    say(output, "r2", 50)
    assert output.cleared(leg.played_samples) == ()
    assert output.cleared(leg.played_samples) == (Cut("of-r1", 0, 300, 1_000),)
    assert leg.queued_samples == 50 * 24  # the newer reply is not hurt


async def test_held_before_any_sound(output: CallOutput, leg: FakeLeg):
    """The agent only thinks: there is nothing to clear; what comes waits, or is dropped."""
    output.response_started(ResponseStarted("r1"))
    output.hold()
    assert leg.clears == 0
    assert output.interrupt() == "r1"
    output.response_ended(ended("r1"))
    output.response_started(ResponseStarted("r2"))
    say(output, "r2", 100)
    assert leg.queued_samples == 100 * 24


async def test_held_sound_is_cut_when_the_session_is_gone(output: CallOutput, leg: FakeLeg):
    """Each item once, where it was heard, whether the leg has answered or not."""
    await held(output, leg)
    say(output, "r1", 100)
    assert output.abandon() == (Cut("of-r1", 0, 300, 1_100),)
    output.cleared(leg.played_samples)
    output.cleared(leg.played_samples)
    assert not output.is_audible and leg.queued_samples == 0
