"""How much of the sound that a device was given has left its loudspeaker.

A device is given blocks without a gap, sound or silence; each leaves the loudspeaker some time after
it was given: it waits in the device's buffer, and before that in a filter where rates are converted.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class _Block(NamedTuple):
    begin: int  # its place among all samples given
    sound_before: int
    sound: int
    end: int


class HeardCount:
    """Counts in samples; a block holds sound first, then silence, or one of both alone."""

    def __init__(self) -> None:
        self.heard_samples = 0
        """Samples of sound, never silence, that have left the loudspeaker; it never goes back."""
        self._given = 0
        self._sound_given = 0
        self._blocks: deque[_Block] = deque()  # those that have not left it whole

    def give(self, block_samples: int, sound_samples: int, ahead_samples: int) -> int:
        """Give a block whose first sample leaves the loudspeaker after `ahead_samples` more; return what is heard.

        The answer tells of now: of this block nothing, unless none are ahead of it.
        """
        now = self._given - ahead_samples
        while self._blocks and self._blocks[0].end <= now:
            block = self._blocks.popleft()
            self._hear(block.sound_before + block.sound)
        if self._blocks:
            block = self._blocks[0]
            self._hear(block.sound_before + min(block.sound, now - block.begin))
        end = self._given + block_samples
        self._blocks.append(_Block(self._given, self._sound_given, sound_samples, end))
        self._given, self._sound_given = end, self._sound_given + sound_samples
        return self.heard_samples

    def _hear(self, sound_samples: int) -> None:
        self.heard_samples = max(self.heard_samples, sound_samples)
