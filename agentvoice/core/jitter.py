"""How deep the jitter buffer is: how long the first sound of an answer waits before it is played.

Sound that waits `depth_ms` at the start of an answer may later arrive so much behind its time
without a gap. The rule is given arrivals and answers with the depth:

- A piece of sound is due when all sound before it has been played, had it been played without any
  wait. What it comes later than that is its lateness; what comes early, in a burst or faster than
  it is spoken, has none. (RFC 3550, 6.4.1 measures changes of the transit time, early ones too: a
  provider that speaks at twice real time would look like a bad line.)
- Lateness beyond the depth raises it at once, to what would have been enough. If the sound ran
  dry, the times due begin anew with the piece that came too late; it waits for the rest of the
  depth only, since its lateness has put off the sound already.
- The depth falls by 1 ms for each 100 ms of sound, down to what was needed lately: by how much the
  lateness varied in each half second of sound, of the last 10 s the 95th percentile. So one stall
  is forgotten soon, and what comes again is remembered. (The idea is that of NetEQ in WebRTC, in
  modules/audio_coding/neteq/delay_manager.h: a high quantile of relative arrival delays, old ones
  forgotten. A window and no powers give the same numbers in any language.)

Each answer is a talk spurt: the times due begin anew, the depth stays. tests/vectors/jitter.json
holds arrivals with their depths, for the rule in other languages.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol

MIN_DEPTH_MS = 10
MAX_DEPTH_MS = 200
FIRST_DEPTH_MS = 40
"""The depth of a call that has heard nothing yet: two frames."""

STEP_MS = 10
"""Depths are raised to multiples of this: the rest is a small margin."""

PAUSE_MS = 500
"""Sound that comes later than this is no jitter: the engine paused, and goes on as if it began."""

FALL_AUDIO_MS = 100
"""Sound for which the depth falls by 1 ms."""

SLICE_AUDIO_MS = 500
"""How much the lateness varied is kept of each slice of sound …"""
SLICES = 20
"""… for so many slices."""
PERCENT = 95
"""The depth does not fall below this percentile of the slices: one of twenty may be worse."""


class DepthRule(Protocol):
    """What a playout buffer asks for its depth."""

    @property
    def depth_ms(self) -> int:
        """The depth now."""
        ...

    @property
    def wait_ms(self) -> int:
        """What sound has to wait that plays since the last answer or gap began."""
        ...

    def begin_answer(self) -> None:
        """The next sound begins an answer: it is not late, whenever it comes."""
        ...

    def arrived(self, now_ms: float, duration_ms: float) -> int:
        """Sound arrived; return the depth now."""
        ...


class JitterDepth:
    """The adaptive rule (DepthRule): 10 to 200 ms."""

    def __init__(self) -> None:
        self.depth_ms = FIRST_DEPTH_MS
        self.wait_ms = FIRST_DEPTH_MS
        self._due_ms = -math.inf  # when the next sound is due; -inf: an answer begins with it
        self._shift_ms = 0.0  # by how much gaps have put off the times due in this answer
        self._least_ms = math.inf  # lateness without such shifts, in the slice that fills now …
        self._most_ms = 0.0
        self._slice_ms = 0.0  # … and the sound in it
        self._ranges_ms: deque[float] = deque(maxlen=SLICES)
        self._unfallen_ms = 0.0  # sound since the depth fell last

    def begin_answer(self) -> None:
        """The next sound begins an answer: it is not late, whenever it comes."""
        self._due_ms = -math.inf

    def arrived(self, now_ms: float, duration_ms: float) -> int:
        """Sound of `duration_ms` arrived at `now_ms` (any clock that never goes back); return the depth."""
        if now_ms - self._due_ms > PAUSE_MS:
            self._begin(now_ms)
        late_ms = max(0.0, now_ms - self._due_ms)
        self._raise(_depth_for(late_ms))
        self._note(max(0.0, now_ms - self._due_ms + self._shift_ms))
        if late_ms > self.wait_ms:  # it ran dry, and waits again
            self._shift_ms += late_ms
            self._due_ms = now_ms
            self.wait_ms = max(MIN_DEPTH_MS, self.depth_ms - math.ceil(late_ms))
        self._due_ms += duration_ms
        self._fall(duration_ms)
        self._fill_slice(duration_ms)
        return self.depth_ms

    def _begin(self, now_ms: float) -> None:
        self._due_ms = now_ms
        self.wait_ms = self.depth_ms
        self._shift_ms = 0.0
        self._begin_slice()

    def _begin_slice(self) -> None:
        self._least_ms, self._most_ms, self._slice_ms = math.inf, 0.0, 0.0

    def _raise(self, depth_ms: int) -> None:
        if depth_ms > self.depth_ms:
            self.depth_ms = depth_ms
            self._unfallen_ms = -SLICE_AUDIO_MS  # the slice that will remember it must be full first

    def _note(self, late_ms: float) -> None:
        self._least_ms = min(self._least_ms, late_ms)
        self._most_ms = max(self._most_ms, late_ms)

    def _fill_slice(self, duration_ms: float) -> None:
        self._slice_ms += duration_ms
        if self._slice_ms >= SLICE_AUDIO_MS:
            self._ranges_ms.append(self._most_ms - self._least_ms)
            self._begin_slice()

    def _fall(self, duration_ms: float) -> None:
        steps = max(0, math.floor(self._unfallen_ms / FALL_AUDIO_MS))
        self._unfallen_ms += duration_ms - steps * FALL_AUDIO_MS
        self.depth_ms = max(self.depth_ms - steps, min(self.depth_ms, self._needed_ms()))

    def _needed_ms(self) -> int:
        if not self._ranges_ms:
            return MIN_DEPTH_MS
        rank = -(-PERCENT * len(self._ranges_ms) // 100)  # nearest rank, rounded up
        return _depth_for(sorted(self._ranges_ms)[rank - 1])


def _depth_for(late_ms: float) -> int:
    """Return the smallest depth that is enough for a lateness, within the bounds."""
    return min(MAX_DEPTH_MS, max(MIN_DEPTH_MS, math.ceil(late_ms / STEP_MS) * STEP_MS))
