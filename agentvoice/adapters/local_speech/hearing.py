"""What the session hears: the caller's sound at 16 kHz, cut into turns by voice activity.

Sound before the onset is kept (`prefix_padding_ms`), also across a clear or an interruption, so
that the first word of a turn is never lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from agentvoice.adapters.local_speech.stages import STT_RATE_HZ
from agentvoice.adapters.resample import StreamResampler
from agentvoice.core.agent import LocalSettings
from agentvoice.core.audio import CALL_FORMAT, AudioFormat
from agentvoice.core.endpointing import Edge, EdgeKind, Endpointing, EndpointSettings

FRAME_SAMPLES = 512
"""What the detector takes at once: 32 ms."""
SAMPLE_BYTES = 2
FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES

MAX_TURN_MS = 30_000
"""A longer turn is ended where it is: the time to transcribe grows faster than the turn."""

_FORMAT = AudioFormat.PCM16_16K


class Detector(Protocol):
    """Voice activity detection; it remembers the frames before."""

    def probability(self, frame: bytes) -> float:
        """Return how likely a frame of FRAME_SAMPLES is speech, 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Began:
    """The caller began to speak, `audio_ms` into all sound."""

    audio_ms: int


@dataclass(frozen=True, slots=True)
class MaybeOver:
    """The caller fell silent for a moment; `sound` is the turn (16 kHz PCM16) if that was its end."""

    sound: bytes


@dataclass(frozen=True, slots=True)
class Resumed:
    """The caller went on in the same turn: the guess was wrong."""


@dataclass(frozen=True, slots=True)
class Over:
    """The turn is over: silent since `silent_from_ms`, noticed at `audio_ms`.

    `is_guessed`: `sound` is what MaybeOver gave last.
    """

    silent_from_ms: int
    audio_ms: int
    sound: bytes
    is_guessed: bool


Heard = Began | MaybeOver | Resumed | Over


class Hearing:
    """The caller's side of one session."""

    def __init__(self, detector: Detector, local: LocalSettings) -> None:
        self._detector = detector
        self._resampler = StreamResampler(CALL_FORMAT.rate_hz, STT_RATE_HZ)
        self._unframed = bytearray()
        self._sound = bytearray()
        self._sound_from = 0  # sample where _sound begins
        self._guessed_to: int | None = None  # sample where the sound of the last MaybeOver ended
        self._skipped_ms = 0
        self._endpointing = Endpointing(_endpoint_settings(local))
        self._prefix_samples = 0
        self.configure(local)

    def configure(self, local: LocalSettings) -> None:
        """Use another agent's settings from now on."""
        self._endpointing.settings = _endpoint_settings(local)
        self._prefix_samples = local.prefix_padding_ms * STT_RATE_HZ // 1000

    @property
    def is_speaking(self) -> bool:
        """Whether the caller is in the middle of a turn."""
        return self._endpointing.is_speaking

    @property
    def audio_ms(self) -> int:
        """Milliseconds of sound heard so far."""
        return self._ms(self._endpointing.position)

    def skip(self, duration_ms: int) -> None:
        """Sound was lost before it came here: later times count it."""
        self._skipped_ms += duration_ms

    def hear(self, pcm16_24k: bytes) -> Iterator[Heard]:
        """Take more sound in CALL_FORMAT; yield what happened in it, in order."""
        self._unframed += self._resampler.push(pcm16_24k)
        while len(self._unframed) >= FRAME_BYTES:
            frame = bytes(self._unframed[:FRAME_BYTES])
            del self._unframed[:FRAME_BYTES]
            yield from self._hear_frame(frame)

    def _hear_frame(self, frame: bytes) -> Iterator[Heard]:
        self._sound += frame
        for edge in self._endpointing.hear(self._detector.probability(frame), FRAME_SAMPLES):
            yield self._heard(edge)
        if not self._endpointing.is_speaking:
            self._drop_before(self._kept_from())
        elif len(self._sound) >= _FORMAT.bytes_of(MAX_TURN_MS):
            edge_now = self._endpointing.end()
            assert edge_now is not None  # a turn is open
            yield self._heard(edge_now)

    def _heard(self, edge: Edge) -> Heard:
        match edge.kind:
            case EdgeKind.STARTED:
                self._drop_before(edge.sample - self._prefix_samples)
                self._guessed_to = None
                return Began(self._ms(edge.sample))
            case EdgeKind.MAYBE_ENDED:
                self._guessed_to = self._endpointing.position
                return MaybeOver(bytes(self._sound))
            case EdgeKind.RESUMED:
                self._guessed_to = None
                return Resumed()
            case EdgeKind.ENDED:
                return self._over(edge)

    def _over(self, edge: Edge) -> Over:
        """Take the turn's sound out; what comes after it may be the beginning of the next."""
        is_guessed = self._guessed_to is not None
        end = self._guessed_to if self._guessed_to is not None else self._endpointing.position
        sound = bytes(self._sound[: (end - self._sound_from) * SAMPLE_BYTES])
        self._drop_before(end)
        self._guessed_to = None
        return Over(self._ms(edge.sample), self.audio_ms, sound, is_guessed)

    def commit(self) -> Over | None:
        """End the open turn now; None if the caller is not in one."""
        edge = self._endpointing.end()
        return self._over(edge) if edge is not None else None

    def clear(self) -> int | None:
        """Forget the open turn; return the ms where it was left, None if there was none.

        Sound that may just be becoming speech is no turn yet: it stays.
        """
        edge = self._endpointing.end()
        if edge is None:
            return None
        self._drop_before(self._endpointing.position)
        self._guessed_to = None
        return self._ms(edge.sample)

    def _kept_from(self) -> int:
        """Return the first sample that a turn beginning now would need."""
        begins = self._endpointing.position
        if self._endpointing.has_onset:
            begins = self._endpointing.onset_sample
        return begins - self._prefix_samples

    def _drop_before(self, sample: int) -> None:
        dropped = max(0, sample - self._sound_from)
        del self._sound[: dropped * SAMPLE_BYTES]
        self._sound_from += dropped

    def _ms(self, sample: int) -> int:
        return sample * 1000 // STT_RATE_HZ + self._skipped_ms


def _endpoint_settings(local: LocalSettings) -> EndpointSettings:
    return EndpointSettings(local.vad_threshold, local.silence_ms, local.min_speech_ms)
