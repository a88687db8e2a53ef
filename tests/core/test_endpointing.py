"""From probabilities of speech to the edges of turns, frame by frame."""

from __future__ import annotations

import pytest

from agentvoice.core.endpointing import (
    ACTIVITIES,
    Activity,
    Edge,
    EdgeKind,
    Endpointing,
    EndpointSettings,
    Sound,
    next_activity,
)

FRAME = 512  # 32 ms at 16 kHz
HIGH, MIDDLE, LOW = 0.9, 0.4, 0.1
SETTINGS = EndpointSettings(threshold=0.5, silence_ms=400, min_speech_ms=96)


def run(machine: Endpointing, *runs: tuple[float, int]) -> list[Edge]:
    return [edge for level, frames in runs for _ in range(frames) for edge in machine.hear(level, FRAME)]


def kinds(edges: list[Edge]) -> list[EdgeKind]:
    return [edge.kind for edge in edges]


@pytest.mark.parametrize("activity", Activity)
@pytest.mark.parametrize("sound", Sound)
def test_every_sound_is_possible_in_every_activity(activity: Activity, sound: Sound):
    """The table is complete, and only long enough silence ends a turn that began."""
    after = next_activity(activity, sound)
    assert after in Activity
    if activity in (Activity.SPEECH, Activity.HANGOVER) and after is Activity.SILENCE:
        assert (activity, sound) == (Activity.HANGOVER, Sound.SILENCE_LONG_ENOUGH)
    if after is Activity.SPEECH and activity is not Activity.SPEECH:
        assert (activity, sound) in {
            (Activity.ONSET, Sound.SPEECH_LONG_ENOUGH),
            (Activity.HANGOVER, Sound.HIGH),
        }
    assert set(ACTIVITIES[activity]) == set(Sound)


def test_a_turn_starts_at_its_onset_and_ends_where_it_fell_silent():
    """Edges carry the sample where speech began and where it stopped, not where that was noticed."""
    machine = Endpointing(SETTINGS)
    edges = run(machine, (LOW, 10), (HIGH, 20), (LOW, 20))
    assert edges == [
        Edge(EdgeKind.STARTED, 10 * FRAME),
        Edge(EdgeKind.MAYBE_ENDED, 30 * FRAME),
        Edge(EdgeKind.ENDED, 30 * FRAME),
    ]


def test_the_guess_comes_at_200_ms_and_the_end_at_silence_ms():
    """7 frames are the first to reach 200 ms of silence, 13 the first to reach 400 ms."""
    machine = Endpointing(SETTINGS)
    assert kinds(run(machine, (HIGH, 5), (LOW, 6))) == [EdgeKind.STARTED]
    assert kinds(run(machine, (LOW, 1))) == [EdgeKind.MAYBE_ENDED]
    assert kinds(run(machine, (LOW, 5))) == []
    assert kinds(run(machine, (LOW, 1))) == [EdgeKind.ENDED]
    assert not machine.is_speaking


def test_short_noise_is_no_speech():
    """Sound shorter than min_speech_ms makes no edge, even many times."""
    machine = Endpointing(SETTINGS)
    assert run(machine, *[(HIGH, 2), (LOW, 1)] * 20) == []


def test_the_threshold_has_hysteresis():
    """A frame between the two thresholds neither begins speech nor ends it, nor resumes it."""
    machine = Endpointing(SETTINGS)
    assert run(machine, (MIDDLE, 50)) == []
    assert kinds(run(machine, (HIGH, 3), (MIDDLE, 50))) == [EdgeKind.STARTED]
    assert kinds(run(machine, (LOW, 1), (MIDDLE, 12))) == [EdgeKind.MAYBE_ENDED, EdgeKind.ENDED]


def test_speech_that_resumes_takes_the_guess_back():
    """RESUMED comes only if MAYBE_ENDED was told; a shorter pause makes no edge."""
    machine = Endpointing(SETTINGS)
    edges = run(machine, (HIGH, 5), (LOW, 3), (HIGH, 2), (LOW, 8), (HIGH, 1), (LOW, 13))
    assert kinds(edges) == [
        EdgeKind.STARTED,
        EdgeKind.MAYBE_ENDED,
        EdgeKind.RESUMED,
        EdgeKind.MAYBE_ENDED,
        EdgeKind.ENDED,
    ]


def test_one_long_frame_may_fill_both_counters():
    """Edges come in order even when one frame is longer than the whole hang-over."""
    machine = Endpointing(SETTINGS)
    run(machine, (HIGH, 5))
    assert kinds(list(machine.hear(LOW, 16_000))) == [EdgeKind.MAYBE_ENDED, EdgeKind.ENDED]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([(LOW, 5)], None),
        ([(HIGH, 1)], None),
        ([(HIGH, 5)], Edge(EdgeKind.ENDED, 5 * FRAME)),
        ([(HIGH, 5), (LOW, 3)], Edge(EdgeKind.ENDED, 5 * FRAME)),
    ],
)
def test_a_turn_can_be_ended_by_hand(runs: list[tuple[float, int]], expected: Edge | None):
    """An open turn ends where it fell silent, or here; without one nothing ends."""
    machine = Endpointing(SETTINGS)
    run(machine, *runs)
    assert machine.end() == expected
    assert not machine.is_speaking


def test_an_onset_survives_an_end_by_hand():
    """Sound that is just becoming speech is not lost by a commit that has nothing to commit."""
    machine = Endpointing(SETTINGS)
    run(machine, (HIGH, 2))
    assert machine.end() is None
    assert run(machine, (HIGH, 1)) == [Edge(EdgeKind.STARTED, 0)]


def test_the_guess_is_always_before_the_end():
    """With a short silence_ms the guess moves forward."""
    assert EndpointSettings(silence_ms=100).maybe_ended_ms == 50
    assert EndpointSettings(silence_ms=900).maybe_ended_ms == 200
    assert EndpointSettings(threshold=0.1).leave_threshold > 0
