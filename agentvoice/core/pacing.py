"""How fast one relay is sent events, learned from its answers.

Three things are learned. How many at once: one first, then twice as many while all goes well, so
that a dead relay is tried with one event. How far apart, once the relay says `rate-limited:`: a
relay counts by the minute more often than not, so what it took in the last minute is the first
guess; a guess that is refused as well is doubled. And whether it would bear more: a beat that was
kept for over a minute is shortened, never by more than half of the way to one that was refused.

Times are seconds of one clock that is never set back, and come as arguments.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

FIRST_BEAT_S = 1.0
"""After the first `rate-limited:`: it may have been a burst within one second only."""

LONGEST_BEAT_S = 600.0
"""A relay that takes less than this allows is asked six times an hour, and not given up."""

NO_BEAT_S = 0.05
"""A beat this short is none: events are sent as they come."""

MINUTE_S = 60.0
FEWEST_TAKEN = 3
"""Fewer events than this in a minute tell nothing of how many a relay takes in one."""

MARGIN = 1.02
"""A relay's minute may be a little longer than ours."""

LENGTHEN_BY = 1.25
"""A beat that is refused once in a while is a little too short."""

PROVEN_S = 75.0
"""A beat kept for so long has outlived the minute that a relay may count by."""

HALF = 0.5
SHORTEN_TO = 0.8
"""A proven beat is halved, but where a shorter one was refused shortened by a fifth at most …"""

CLOSE_ENOUGH = 0.95
"""… and not at all when only a twentieth would be gained …"""

FORGET_AFTER_S = 900.0
"""… unless the refusal is so old: relays change their limits."""

SLOW_BATCH_S = 5.0
"""A batch that took longer was too large: what is claimed waits, and claims run out."""

LARGEST_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What came of a batch: events taken, events refused as `rate-limited:`, how long it took."""

    accepted: int
    refused: int
    took_s: float


@dataclass(slots=True)
class Pace:
    """What is known of one relay; a new one is sent one event, then two, four …"""

    beat_s: float = 0.0
    """Between two events; 0: as fast as it goes."""
    failures: int = 0
    """How often in a row it could not be reached."""
    ready_at_s: float = 0.0
    """When it may be sent the next event."""
    _batch: int = 1
    _refusals: int = 0
    _beat_since_s: float = 0.0
    _proven_s: float = 0.0
    _too_short_s: float = 0.0
    _too_short_since_s: float = 0.0
    _taken: deque[tuple[int, int]] = field(default_factory=deque)
    """(second, events) of the last minute."""

    @property
    def is_paced(self) -> bool:
        """Whether it is sent one event a beat."""
        return self.beat_s > 0

    def batch_size(self, now_s: float, most: int) -> int:
        """Return how many events it may be sent now; 0 before the next beat."""
        if now_s < self.ready_at_s:
            return 0
        return 1 if self.is_paced else min(self._batch, most)

    def after_failure(self) -> None:
        """It could not be reached, or did not answer: the next to be sent is one event."""
        self.failures += 1
        self._batch = 1

    def after_batch(self, result: BatchResult, now_s: float) -> None:
        """It answered: learn from it when, and how much, to send next."""
        self.failures = 0
        self._count(result.accepted, now_s)
        if result.refused:
            self._refusals += 1
            self._batch = 1
            self._slow_down(now_s)
        elif self.is_paced:
            self._refusals = 0
            self._keep_beat(now_s)
        elif result.took_s > SLOW_BATCH_S:
            self._batch = max(1, self._batch // 2)
        else:
            self._batch = min(self._batch * 2, LARGEST_BATCH)

    def _slow_down(self, now_s: float) -> None:
        taken, room_at_s = self._minute(now_s)
        guess_s = MINUTE_S * MARGIN / taken if taken >= FEWEST_TAKEN else 0.0
        if self.is_paced:
            self._too_short_s, self._too_short_since_s = max(self._too_short_s, self.beat_s), now_s
        if self._refusals == 1:
            longer_s = self.beat_s * LENGTHEN_BY or FIRST_BEAT_S
            beat_s = self._proven_s if self._proven_s > self.beat_s else longer_s
        elif self._refusals == 2 and guess_s > self.beat_s:
            beat_s = guess_s
        else:
            beat_s, guess_s = self.beat_s * 2, 0.0
        self._set_beat(min(beat_s, LONGEST_BEAT_S), now_s)
        counts_by_minute = 0 < guess_s <= self.beat_s
        self.ready_at_s = max(now_s + self.beat_s, room_at_s if counts_by_minute else 0.0)

    def _keep_beat(self, now_s: float) -> None:
        if now_s - self._beat_since_s >= max(PROVEN_S, 2 * self.beat_s):
            self._proven_s = self.beat_s
            if now_s - self._too_short_since_s >= FORGET_AFTER_S:
                self._too_short_s = 0.0
            least_s = self.beat_s * (SHORTEN_TO if self._too_short_s else HALF)
            shorter_s = max(least_s, (self.beat_s + self._too_short_s) / 2)
            if shorter_s <= self.beat_s * CLOSE_ENOUGH:
                self._set_beat(shorter_s if shorter_s > NO_BEAT_S else 0.0, now_s)
        self.ready_at_s = now_s + self.beat_s

    def _set_beat(self, beat_s: float, now_s: float) -> None:
        self.beat_s, self._beat_since_s = beat_s, now_s

    def _count(self, accepted: int, now_s: float) -> None:
        second = int(now_s)
        if self._taken and self._taken[-1][0] == second:
            accepted += self._taken.pop()[1]
        if accepted:
            self._taken.append((second, accepted))
        while self._taken and self._taken[0][0] <= second - MINUTE_S:
            self._taken.popleft()

    def _minute(self, now_s: float) -> tuple[int, float]:
        """Return how much it took in the last minute, and when the first of that is a minute old."""
        if not self._taken:
            return 0, now_s
        # A second later than its beginning, which is what is kept.
        return sum(count for _, count in self._taken), self._taken[0][0] + 1 + MINUTE_S * MARGIN
