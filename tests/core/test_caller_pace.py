"""How fast a client may send."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentvoice.core.caller_pace import (
    EXCESS_S,
    PRESSES_AT_ONCE,
    PRESSES_PER_S,
    REPORTS_AT_ONCE,
    REPORTS_PER_S,
    SOUND_AHEAD_S,
    SOUND_RATE,
    TYPED_AT_ONCE,
    TYPED_PER_S,
    CallerPace,
)
from agentvoice.errors import TooManyRequests

FRAME_MS = 20
FRAME_S = FRAME_MS / 1_000


def heard(pace: CallerPace, begin_s: float, seconds: float, times: float) -> int:
    """Frames that are taken of `seconds`, sent `times` as fast as real time."""
    frames = round(seconds * times / FRAME_S)
    return sum(pace.may_hear(FRAME_MS, begin_s + n * FRAME_S / times) for n in range(frames))


@pytest.mark.parametrize("times", [1.0, 1.001, SOUND_RATE])
def test_a_caller_in_real_time_loses_nothing(times: float):
    """Nor one whose clock is a little fast, nor one that catches up, for an hour."""
    pace = CallerPace()
    assert heard(pace, 50.0, 3_600, times) == round(3_600 * times / FRAME_S)
    assert pace.dropped_ms == 0


def test_what_a_network_held_back_comes_at_once():
    """A stall of as long as a socket lives: all of it is taken, and real time goes on."""
    pace = CallerPace()
    assert heard(pace, 0.0, 10, 1) == 500
    at_s = 10 + SOUND_AHEAD_S
    assert all(pace.may_hear(FRAME_MS, at_s) for _ in range(round(SOUND_AHEAD_S / FRAME_S)))
    assert heard(pace, at_s + 1, 10, 1) == 500


def test_what_is_beyond_is_dropped_and_counted():
    """Twice as fast as real time: what is too much is lost, the call is not."""
    pace = CallerPace()
    taken = heard(pace, 0.0, 600, 2) * FRAME_S
    assert taken == pytest.approx(600 * SOUND_RATE + SOUND_AHEAD_S, abs=0.1)
    assert pace.dropped_ms / 1_000 + taken == pytest.approx(1_200)


def test_a_file_that_is_sent_as_fast_as_it_goes_ends():
    """It is told what is wanted instead of being heard in pieces; so is whoever floods."""
    pace = CallerPace()
    taken = 0
    with pytest.raises(TooManyRequests, match=r"got more than 60 s of sound beyond 30 s at once and 1\.25 s"):
        while True:
            taken += pace.may_hear(1_000, 0.0)
    assert (taken, pace.dropped_ms) == (SOUND_AHEAD_S, EXCESS_S * 1_000)


@pytest.mark.parametrize(
    ("count", "rate", "at_once", "words"),
    [
        (CallerPace.report, REPORTS_PER_S, REPORTS_AT_ONCE, "want `played` each 20 to 200 ms"),
        (
            CallerPace.press,
            PRESSES_PER_S,
            PRESSES_AT_ONCE,
            "more than 50 control frames at once and 5 in a second",
        ),
    ],
)
def test_control_frames_are_counted(
    count: Callable[[CallerPace, float], None], rate: float, at_once: float, words: str
):
    """So many at once and so many in a second; one more ends the call, and says what was wanted."""
    pace = CallerPace()
    for _ in range(round(at_once)):
        count(pace, 7.0)
    for n in range(1, 100):
        count(pace, 7.0 + n / rate)
    with pytest.raises(TooManyRequests, match=r"got more than .*want") as refused:
        count(pace, 7.0 + 99 / rate)
    assert words in str(refused.value)


def test_typed_turns_are_counted_by_their_characters():
    """Ten of the longest at once, then as fast as nobody types; one more ends the call."""
    pace = CallerPace()
    pace.press(0.0, round(TYPED_AT_ONCE))
    pace.press(1.0, round(TYPED_PER_S))
    with pytest.raises(
        TooManyRequests, match="80,000 characters of `text` at once and 1,000 in a second, want"
    ):
        pace.press(1.5, 1_000)


def test_one_kind_uses_up_nothing_of_another():
    """Who plays sound may still press a button."""
    pace = CallerPace()
    for _ in range(round(REPORTS_AT_ONCE)):
        pace.report(0.0)
    pace.press(0.0)
    assert pace.may_hear(FRAME_MS, 0.0)
