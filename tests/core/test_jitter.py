from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.jitter import (
    FALL_AUDIO_MS,
    FIRST_DEPTH_MS,
    MAX_DEPTH_MS,
    MIN_DEPTH_MS,
    PAUSE_MS,
    SLICE_AUDIO_MS,
    SLICES,
    JitterDepth,
)
from tests.fakes.arrivals import Answer, FixedDepth, decisions, hear, patterns, steady

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "jitter.json").read_text())

PIECES = st.lists(st.tuples(st.integers(0, 800), st.integers(1, 400)), min_size=1, max_size=60)
"""(ms since the piece before, ms of sound in it)."""


def timed(pieces: list[tuple[int, int]], start: int = 0) -> Answer:
    answer, now = [], start
    for gap, duration in pieces:
        now += gap
        answer.append((now, duration))
    return answer


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_the_vectors(vector: dict):
    """These arrivals give these depths and waits, in any language."""
    decided = list(decisions(vector["answers"], JitterDepth()))
    assert [depth for depth, _ in decided] == vector["depths"]
    assert [wait for _, wait in decided] == vector["waits"]


@given(st.lists(PIECES, min_size=1, max_size=4))
def test_the_depth_keeps_its_bounds(answers: list[list[tuple[int, int]]]):
    """Whatever arrives whenever, the depth is 10 to 200 ms, in whole ms."""
    for both in decisions([timed(pieces) for pieces in answers], JitterDepth()):
        for ms in both:
            assert MIN_DEPTH_MS <= ms <= MAX_DEPTH_MS
            assert isinstance(ms, int)


@given(PIECES, st.integers(0, 10**9))
def test_only_differences_of_time_count(pieces: list[tuple[int, int]], start: int):
    """The clock may begin anywhere."""
    early, late = (list(decisions([timed(pieces, at)], JitterDepth())) for at in (0, start))
    assert early == late


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 400)), min_size=2, max_size=80))
def test_early_sound_never_raises_the_depth(pieces: list[tuple[float, int]]):
    """Sound that comes when it is due or before, alone or in bursts, lets the depth fall only."""
    rule, now, due = JitterDepth(), 0.0, 0.0
    before = rule.depth_ms
    for share, duration in pieces:
        now += share * (due - now)
        depth = rule.arrived(now, duration)
        assert depth <= before
        before, due = depth, due + duration


@given(PIECES)
def test_lateness_up_to_the_depth_at_the_start_is_no_gap(pieces: list[tuple[int, int]]):
    """An ear that waits for the depth hears no gap in sound that is never later than that."""
    due = 0
    answer: Answer = []
    for gap, duration in pieces:
        earliest = answer[-1][0] if answer else 0
        answer.append((max(earliest, due + gap % (FIRST_DEPTH_MS + 1)) if answer else 0, duration))
        due += duration
    assert hear([[(at + 1_000, duration) for at, duration in answer]], JitterDepth()).underruns == 0


def test_lateness_raises_the_depth_at_once():
    """The first piece beyond the depth raises it to what would have been enough."""
    rule = JitterDepth()
    rule.arrived(0, 20)
    assert rule.arrived(20 + 75, 20) == 80
    assert rule.depth_ms == 80


def test_after_a_gap_the_rest_of_the_depth_is_waited_for():
    """The lateness itself has put off the sound: only what the depth is more than that is waited for."""
    rule = JitterDepth()
    rule.arrived(0, 20)
    assert rule.wait_ms == FIRST_DEPTH_MS
    rule.arrived(20 + 61, 20)
    assert (rule.depth_ms, rule.wait_ms) == (70, MIN_DEPTH_MS)
    rule.begin_answer()
    rule.arrived(500, 20)
    assert rule.wait_ms == 70
    rule.arrived(520 + 500, 20)
    assert (rule.depth_ms, rule.wait_ms) == (MAX_DEPTH_MS, MIN_DEPTH_MS)


def test_the_depth_falls_slowly():
    """Steady sound lowers it by a millisecond per 100 ms of sound, to the least depth."""
    rule = JitterDepth()
    seen = [rule.arrived(at, 20) for at in range(0, 60_000, 20)]
    assert seen == sorted(seen, reverse=True)
    assert {one - other for one, other in pairwise(seen)} == {0, 1}
    assert seen.index(MIN_DEPTH_MS) * 20 == (FIRST_DEPTH_MS - MIN_DEPTH_MS) * FALL_AUDIO_MS


def test_a_pause_of_the_engine_is_no_jitter():
    """Sound that comes after more than half a second of nothing changes nothing; a bit earlier it does."""
    paused, late = JitterDepth(), JitterDepth()
    for rule, gap in ((paused, PAUSE_MS + 1), (late, PAUSE_MS)):
        rule.arrived(0, 20)
        rule.arrived(20 + gap, 20)
    assert (paused.depth_ms, late.depth_ms) == (FIRST_DEPTH_MS, MAX_DEPTH_MS)


def test_an_answer_begins_anew():
    """The silence between two answers is not lateness; what was learned stays."""
    rule = JitterDepth()
    rule.arrived(0, 20)
    rule.arrived(20 + 100, 20)
    rule.begin_answer()
    assert rule.arrived(420, 20) == 100
    assert rule.arrived(440, 20) == 100


def test_what_comes_again_is_remembered_and_one_stall_is_not():
    """Two late pieces in ten seconds of sound keep the depth up; a single one lets it fall."""
    once, again = JitterDepth(), JitterDepth()
    for at in range(0, SLICES * SLICE_AUDIO_MS + 2_500, 20):
        once.arrived(at + 150 * (at == 3_000), 20)
        again.arrived(at + 150 * (at in (3_000, 7_000)), 20)
    assert once.depth_ms < again.depth_ms == 150


def test_it_beats_fixed_depths():
    """Far fewer gaps than with 10 ms, and far less delay than with 200 ms, over all scripts."""
    underruns = dict.fromkeys(("adaptive", "10", "200"), 0)
    for name, answers in patterns().items():
        adaptive = hear(answers, JitterDepth())
        shallow, deep = hear(answers, FixedDepth(10)), hear(answers, FixedDepth(200))
        assert adaptive.underruns <= shallow.underruns, name
        assert adaptive.mean_depth_ms < 100, name
        for kind, heard in zip(underruns, (adaptive, shallow, deep), strict=True):
            underruns[kind] += heard.underruns
    assert underruns["adaptive"] * 3 <= underruns["10"]


@pytest.mark.parametrize("seed", range(5))
def test_a_jittery_line_is_learned(seed: int):
    """After the first answers on a line that jitters by 60 ms, gaps become rare."""
    answers = patterns(seed)["jitter to 60 ms"]
    assert hear(answers, JitterDepth()).underruns <= 3


@pytest.mark.parametrize("pace", [1.0, 2.0, 1_000.0])
@pytest.mark.parametrize("piece_ms", [20, 25, 100])
def test_steady_lines_of_any_pace_become_shallow(piece_ms: int, pace: float):
    """However large the pieces and however early they come, no depth is needed and none is kept."""
    heard = hear(steady(piece_ms, pace), rule := JitterDepth())
    assert (heard.underruns, heard.silent_ms, rule.depth_ms) == (0, 0, MIN_DEPTH_MS)
