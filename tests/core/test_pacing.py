from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import pytest

from agentvoice.core.pacing import (
    FIRST_BEAT_S,
    LARGEST_BATCH,
    LONGEST_BEAT_S,
    SLOW_BATCH_S,
    BatchResult,
    Pace,
)

START_S = 1_000.0
MANY = 100


@dataclass
class LimitedRelay:
    """Takes so many events in any window of so many seconds; refuses the others."""

    most: int
    window_s: float
    counts_refused: bool = False
    taken: deque[float] = field(default_factory=deque)

    def take(self, now_s: float) -> bool:
        while self.taken and self.taken[0] <= now_s - self.window_s:
            self.taken.popleft()
        is_taken = len(self.taken) < self.most
        if is_taken or self.counts_refused:
            self.taken.append(now_s)
        return is_taken


@dataclass
class Run:
    """What came of sending events to a relay."""

    took_s: float = 0.0
    attempts: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def most_a_minute(self) -> int:
        return max(sum(at <= other < at + 60 for other in self.attempts) for at in self.attempts)


def send(relay: LimitedRelay, events: int, wake_s: float = 1.0, pace: Pace | None = None) -> Run:
    """Send events as the queue does: woken every second, in batches of the size that the pace gives."""
    pace, run, now_s, left = pace or Pace(), Run(), START_S, events
    while left:
        size = min(pace.batch_size(now_s, MANY), left)
        answers = [relay.take(now_s) for _ in range(size)]
        run.attempts += [now_s] * size
        if size:
            left -= sum(answers)
            run.refused += size - sum(answers)
            pace.after_batch(BatchResult(sum(answers), size - sum(answers), 0.1), now_s)
        now_s += wake_s if not size or pace.is_paced else 0.1
    run.took_s = now_s - START_S
    return run


@pytest.mark.parametrize("counts_refused", [False, True])
def test_six_a_minute_are_met_closely(counts_refused: bool):
    """200 events: after two refusals about six attempts a minute, and one refused now and then."""
    run = send(LimitedRelay(6, 60, counts_refused), 200)
    ideal_s = (200 - 6) / 6 * 60
    assert run.took_s < ideal_s * 1.4
    assert run.refused <= 10
    assert run.most_a_minute <= 9  # of which six are taken
    assert 4.5 <= len(run.attempts) / run.took_s * 60 <= 6.3


@pytest.mark.parametrize(
    ("most", "window_s", "slower", "refused"),
    [(3, 60, 1.1, 15), (30, 60, 1.3, 5), (1, 10, 1.1, 12), (2, 3_600, 1.3, 25)],
)
def test_other_limits_are_found_as_well(most: int, window_s: float, slower: float, refused: int):
    """Few a minute, many, one every ten seconds, two an hour: near the limit, and few are refused."""
    events = 200 if window_s < 3_600 else 6
    run = send(LimitedRelay(most, window_s), events)
    assert run.took_s < (events - most) / most * window_s * slower
    assert run.refused <= refused


def test_a_short_burst_limit_is_outgrown():
    """Five a second: the beat is shortened step by step, until it is near what the relay takes."""
    run = send(LimitedRelay(5, 1), 2_000, wake_s=0.1)
    assert run.refused <= 10
    late = [at for at in run.attempts if at > START_S + run.took_s - 60]
    assert len(late) / 60 > 3


def test_a_relay_that_takes_nothing_is_asked_ever_more_seldom():
    """The beat doubles up to ten minutes: six refusals an hour, and it is never given up."""
    pace, now_s, refusals = Pace(), START_S, 0
    while now_s < START_S + 3 * 3_600:
        now_s = max(now_s, pace.ready_at_s)
        pace.after_batch(BatchResult(0, 1, 0.1), now_s)
        refusals += 1
    assert pace.beat_s == LONGEST_BEAT_S
    assert refusals <= 30


def test_the_first_refusal_costs_a_second():
    """Before the beat nothing may be sent; with it one event, however many were sent before."""
    pace = Pace()
    for _ in range(4):
        pace.after_batch(BatchResult(1, 0, 0.1), START_S)
    assert pace.batch_size(START_S, MANY) == 16
    pace.after_batch(BatchResult(15, 1, 0.1), START_S)
    assert pace.is_paced
    assert pace.batch_size(START_S + FIRST_BEAT_S - 0.01, MANY) == 0
    assert pace.batch_size(START_S + FIRST_BEAT_S, MANY) == 1


def test_a_limit_that_is_gone_is_forgotten():
    """A relay that takes everything again is sent everything again, within the hour."""
    pace, now_s = Pace(), START_S
    for _ in range(4):
        pace.after_batch(BatchResult(0, 1, 0.1), now_s)
        now_s = pace.ready_at_s
    while pace.is_paced and now_s < START_S + 7_200:
        pace.after_batch(BatchResult(1, 0, 0.1), now_s)
        now_s = pace.ready_at_s
    assert now_s < START_S + 3_600


def test_batches_grow_while_all_goes_well():
    """One event tries the relay; then batches double up to what is asked for at most."""
    pace = Pace()
    sizes = []
    for _ in range(8):
        sizes.append(pace.batch_size(START_S, MANY))
        pace.after_batch(BatchResult(sizes[-1], 0, 0.1), START_S)
    assert sizes == [1, 2, 4, 8, 16, 32, 64, 100]
    for _ in range(20):
        pace.after_batch(BatchResult(1, 0, 0.1), START_S)
    assert pace.batch_size(START_S, 10 * LARGEST_BATCH) == LARGEST_BATCH


def test_a_slow_relay_gets_small_batches():
    """What is claimed waits while others could have it: a batch that takes long is halved."""
    pace = Pace()
    for took_s in (0.1, 0.1, 0.1, SLOW_BATCH_S + 1):
        pace.after_batch(BatchResult(1, 0, took_s), START_S)
    assert pace.batch_size(START_S, MANY) == 4
    for _ in range(5):
        pace.after_batch(BatchResult(1, 0, SLOW_BATCH_S + 1), START_S)
    assert pace.batch_size(START_S, MANY) == 1


def test_a_relay_that_was_lost_is_tried_with_one_event():
    """Failures count up until it answers, whatever it answers."""
    pace = Pace()
    for _ in range(3):
        pace.after_batch(BatchResult(1, 0, 0.1), START_S)
    pace.after_failure()
    pace.after_failure()
    assert (pace.failures, pace.batch_size(START_S, MANY)) == (2, 1)
    pace.after_batch(BatchResult(0, 0, 0.1), START_S)
    assert (pace.failures, pace.batch_size(START_S, MANY)) == (0, 2)
