from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentvoice.adapters.call_recording import CallRecording
from agentvoice.adapters.wav_file import END_POINTING_MS, Pace, WavLeg
from agentvoice.core.leg import CallStatus, Played, PlayoutReported
from tests.adapters.conftest import Begin
from tests.fakes.clock import ManualClock
from tests.fakes.recorded_callers import RATE_HZ, TWO_TURNS, recorded, silence, sound
from tests.fakes.scripted_call import ScriptedCall, answered

REPLY = sound(0.4)


async def test_sound_is_played_in_real_time(begin: Begin, clock: ManualClock):
    """A frame of the reply takes 20 ms, and is reported when it has passed; the first waits for the depth."""
    call = begin()
    await clock.advance(0.1)
    call.say(sound(0.05))
    await clock.advance(0.12)
    assert call.played == [480, 960, 1_200]
    assert [at_s for at_s, event in call.events if event == Played(480)] == [0.18]


async def test_a_cleared_reply_is_not_played_further(begin: Begin, clock: ManualClock):
    """The frame that is being played counts, the rest is dropped, and the answer comes at once."""
    call = begin()
    await clock.advance(0.1)
    call.say(sound(5))
    await clock.advance(0.09)
    call._leg.clear_output()
    await clock.settle()
    assert call.cleared == [2 * 480]
    await clock.advance(1)
    assert call.played_samples == call.cleared[0]
    call.say(sound(0.02))
    await clock.advance(0.12)
    assert call.played_samples == call.cleared[0] + 480


async def test_both_sides_are_recorded_as_heard(tmp_path: Path, begin: Begin, clock: ManualClock):
    """Caller left, agent right in the frames it was played in; cleared sound is not in the recording."""
    recording = CallRecording.create(tmp_path / "call.wav")
    call = begin(recorded(sound(1)), pace=Pace.REALTIME, recording=recording)
    await clock.advance(0.1)
    call.say(sound(2))  # heard when it has waited for depth and frame: 0.16 s
    await clock.advance(0.1)
    call._leg.clear_output()
    await clock.advance(1)
    await call.close()
    recording.close()
    stereo = np.frombuffer((tmp_path / "call.wav").read_bytes()[44:], "<i2").reshape(-1, 2)
    begins, played = round(0.16 * RATE_HZ), call.cleared[0]
    assert stereo[:, 0].tobytes().startswith(sound(1))
    assert stereo[begins : begins + played, 1].tobytes() == sound(2)[: played * 2]
    assert not np.any(stereo[:begins, 1])
    assert not np.any(stereo[begins + played :, 1])


async def test_a_fast_call_is_recorded_one_side_after_the_other(
    tmp_path: Path, begin: Begin, clock: ManualClock
):
    """On sample time the reply is placed behind the silence that ended the turn, whole."""
    recording = CallRecording.create(tmp_path / "call.wav")
    call = begin(recorded(sound(1)), pace=Pace.FAST, recording=recording)
    await answered(call, clock)
    await call.reply(REPLY)
    await call.close()
    recording.close()
    stereo = np.frombuffer((tmp_path / "call.wav").read_bytes()[44:], "<i2").reshape(-1, 2)
    begins = round((1 + END_POINTING_MS / 1000) * RATE_HZ)
    assert stereo[:begins, 0].tobytes() == sound(1) + silence(END_POINTING_MS / 1000)
    assert stereo[begins:, 1].tobytes() == REPLY


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["say", "clear", "advance"]), st.integers(1, 3_000)),
        min_size=1,
        max_size=15,
    ),
    pace=st.sampled_from(list(Pace)),
)
async def test_played_is_never_more_than_queued(steps: list[tuple[str, int]], pace: Pace):
    """Whatever is said and cleared, reports only grow and never pass what was queued."""
    clock = ManualClock()
    call = ScriptedCall(WavLeg(TWO_TURNS, clock, pace=pace), clock)
    for step, size in steps:
        if step == "say":
            call.say(bytes(size * 2))
        elif step == "clear":
            call._leg.clear_output()
        else:
            await clock.advance(size / RATE_HZ)
        assert call.played == sorted(call.played)
        assert max([*call.played, *call.cleared, 0]) <= call.queued_samples
    await call.close()


async def test_underrun_is_not_heard(begin: Begin, clock: ManualClock):
    """Silence of an underrun is no sound of the answer; all of the answer is heard, and the gap is reported."""
    call = begin()
    call.show(CallStatus.SPEAKING)
    call.say(sound(0.1))
    await clock.advance(0.4)
    assert call.played_samples == 2_400
    call.say(sound(0.1))
    await clock.advance(0.6)
    assert call.played_samples == call.queued_samples == 4_800
    call.show(CallStatus.LISTENING)
    await clock.settle()
    assert [event for _, event in call.events if isinstance(event, PlayoutReported)] == [
        PlayoutReported(200, underruns=1)
    ]


@pytest.mark.parametrize("pace", [Pace.TURNS, Pace.FAST])
async def test_an_answer_without_sound_is_not_reported(begin: Begin, clock: ManualClock, pace: Pace):
    """Nothing was played, or nothing waited to be played: there is nothing to say about the buffer."""
    call = begin(pace=pace)
    call.show(CallStatus.THINKING)
    if pace is Pace.FAST:
        call.say(sound(0.1))
    call.show(CallStatus.LISTENING)
    await clock.settle()
    assert not [event for _, event in call.events if isinstance(event, PlayoutReported)]
