"""The playback ledger: what was sent to the caller leg, and how much of it was heard.

The leg counts the samples it really played (silence of an underrun is not counted) and reports
the running total. This ledger turns the total into a position inside an item, which is what a
barge-in needs: Realtime's `conversation.item.truncate` wants the millisecond heard per item and
content part. Nothing here asks a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agentvoice.core.audio import AudioFormat

PartKey = tuple[str, int]
"""(item ref, content index)."""


@dataclass(slots=True)
class Part:
    """One content part of an item: samples received from the engine and heard by the caller."""

    ref: str
    content_index: int
    received: int = 0
    heard: int = 0

    @property
    def is_heard(self) -> bool:
        """Whether all that was received was heard."""
        return self.heard >= self.received


@dataclass(frozen=True, slots=True)
class Cut:
    """Where an item was cut: `heard_ms` of the `received_ms` that the engine had sent."""

    ref: str
    content_index: int
    heard_ms: int
    received_ms: int


@dataclass(frozen=True, slots=True)
class Unheard:
    """Sound of a content part that the caller has not heard yet."""

    ref: str
    content_index: int
    sound: bytes


@dataclass(slots=True)
class _Segment:
    part: Part
    samples: int
    sounds: list[bytes]
    fence: int = 0
    """Number of the order to clear that this sound came before; 0: none yet."""


class Playback:
    """The ledger of one call; `format` is the format of everything queued."""

    def __init__(self, format: AudioFormat) -> None:
        self._format = format
        self._segments: deque[_Segment] = deque()
        self._parts: dict[PartKey, Part] = {}
        self._nobodys = Part("", 0)  # abandoned sound that the leg plays until it has cleared
        self._total = 0  # samples played since the call began, as far as reported
        self._orders = 0  # orders to clear given to the leg …
        self._answers = 0  # … and answered by it: each answer settles the oldest open order

    @property
    def is_idle(self) -> bool:
        """Whether everything that was queued has been played or dropped."""
        return all(segment.part is self._nobodys for segment in self._segments)

    def queue(self, ref: str, content_index: int, sound: bytes) -> None:
        """Note that sound of an item was received and sent to the leg."""
        self.receive(ref, content_index, sound)
        self.send_on(ref, content_index, sound)

    def receive(self, ref: str, content_index: int, sound: bytes) -> None:
        """Note that sound of an item was received; it is not sent to the leg yet."""
        self._part(ref, content_index).received += len(sound) // self._format.sample_bytes

    def send_on(self, ref: str, content_index: int, sound: bytes) -> None:
        """Note that sound received earlier was sent to the leg."""
        part, sample_count = self._part(ref, content_index), len(sound) // self._format.sample_bytes
        last = self._segments[-1] if self._segments else None
        if last is not None and last.part is part and not last.fence:
            last.samples += sample_count
            last.sounds.append(sound)
        else:
            self._segments.append(_Segment(part, sample_count, [sound]))

    def _part(self, ref: str, content_index: int) -> Part:
        return self._parts.setdefault((ref, content_index), Part(ref, content_index))

    def played(self, sample_count: int) -> tuple[str, ...]:
        """Take the leg's running total; return the refs whose received sound is now all heard.

        A total smaller than the last one is ignored; a total beyond what was queued is clamped
        (the caller cannot have heard what was never sent).
        """
        fresh = sample_count - self._total
        self._total = max(self._total, sample_count)
        heard: list[str] = []
        while fresh > 0 and self._segments:
            segment = self._segments[0]
            step = min(fresh, segment.samples)
            segment.samples -= step
            segment.part.heard += step
            fresh -= step
            if segment.samples == 0:
                self._segments.popleft()
                if segment.part.is_heard and segment.part is not self._nobodys:
                    heard.append(segment.part.ref)
        return tuple(heard)

    def fence(self) -> None:
        """The leg was told to clear: what is queued until now will not be played further."""
        self._orders += 1
        for segment in self._segments:
            segment.fence = segment.fence or self._orders

    def cleared(self, sample_count: int) -> tuple[Cut, ...]:
        """The leg has cleared, having played `sample_count` in all; return what was cut.

        An item heard to the end of what was received is not in the answer: there is nothing to
        truncate. `heard_ms` is rounded down and never more than was received.
        """
        return tuple(self._cut(part) for part in self._unheard_parts(self._answered(sample_count)))

    def taken_back(self, sample_count: int) -> tuple[Unheard, ...]:
        """The leg has cleared what is to be played later: return it; nothing is cut."""
        return tuple(
            Unheard(segment.part.ref, segment.part.content_index, self._rest_of(segment))
            for segment in self._answered(sample_count)
            if segment.part is not self._nobodys
        )

    def cut_of(self, held: Iterable[Unheard]) -> tuple[Cut, ...]:
        """Sound that was held back will not be played: return where its parts are cut."""
        parts = dict.fromkeys((unheard.ref, unheard.content_index) for unheard in held)
        return tuple(self._cut(self._part(*part)) for part in parts)

    def _answered(self, sample_count: int) -> list[_Segment]:
        """The oldest open order was answered: remove and return what the leg has dropped for it."""
        self.played(sample_count)
        self._answers = min(self._answers + 1, self._orders)
        dropped: list[_Segment] = []
        while self._segments and 0 < self._segments[0].fence <= self._answers:
            dropped.append(self._segments.popleft())
        return dropped

    def _rest_of(self, segment: _Segment) -> bytes:
        return b"".join(segment.sounds)[-segment.samples * self._format.sample_bytes :]

    def abandon(self) -> tuple[Cut, ...]:
        """Nothing of what is queued counts any more; return what was cut.

        The leg may play some of it until it has cleared: that is heard of no item.
        """
        parts = self._unheard_parts(self._segments)
        for segment in self._segments:
            segment.part = self._nobodys
        return tuple(self._cut(part) for part in parts)

    def begin_session(self) -> None:
        """The refs to come are another session's, which may use the same names."""
        self._parts.clear()

    def _unheard_parts(self, segments: Iterable[_Segment]) -> list[Part]:
        parts: list[Part] = []
        for segment in segments:
            if segment.part is not self._nobodys and segment.part not in parts:
                parts.append(segment.part)
        return parts

    def _cut(self, part: Part) -> Cut:
        size = self._format.sample_bytes
        return Cut(
            part.ref,
            part.content_index,
            self._format.ms_of(part.heard * size),
            self._format.ms_of(part.received * size),
        )

    def heard_ms(self, ref: str) -> int:
        """Milliseconds of the item heard so far, over all its content parts."""
        return self._ms(ref, lambda part: part.heard)

    def received_ms(self, ref: str) -> int:
        """Milliseconds of the item received so far, over all its content parts."""
        return self._ms(ref, lambda part: part.received)

    def _ms(self, ref: str, samples: Callable[[Part], int]) -> int:
        total = sum(samples(part) for part in self._parts.values() if part.ref == ref)
        return self._format.ms_of(total * self._format.sample_bytes)

    def is_heard(self, ref: str) -> bool:
        """Whether all received sound of the item was heard (true for an item without sound)."""
        return all(part.is_heard for part in self._parts.values() if part.ref == ref)

    def forget(self, ref: str) -> None:
        """Drop the bookkeeping of a settled item, so that a long call stays small."""
        for key in [key for key in self._parts if key[0] == ref]:
            del self._parts[key]
