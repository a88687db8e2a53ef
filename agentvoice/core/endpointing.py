"""Endpointing: from the probability of speech in each frame to the edges of the caller's turns.

A table machine that counts samples and asks no clock. Three levels of sound (with hysteresis: it
takes `threshold` to begin speech and to resume it, less than `threshold - HYSTERESIS` to leave
it) and two full counters move it. `MAYBE_ENDED` lets transcription begin in the hang-over silence;
`RESUMED` takes that back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

RATE_HZ = 16_000
"""Sample rate that the voice activity detection hears; all positions here are samples of it."""

HYSTERESIS = 0.15
"""How far below the threshold speech may fall before it counts as silence (Silero's own value)."""

MIN_LEAVE_THRESHOLD = 0.01
MAYBE_ENDED_MS = 200
"""Silence after which the end of the turn is worth a guess."""


class Activity(StrEnum):
    """What the caller is doing."""

    SILENCE = "silence"
    ONSET = "onset"
    """Sound that may become speech, shorter than `min_speech_ms`."""
    SPEECH = "speech"
    HANGOVER = "hangover"
    """Silence inside a turn, shorter than `silence_ms`."""


class Sound(StrEnum):
    """What moves the machine: the level of a frame, or a counter that is full."""

    HIGH = "high"
    MIDDLE = "middle"
    LOW = "low"
    SPEECH_LONG_ENOUGH = "speech_long_enough"
    SILENCE_LONG_ENOUGH = "silence_long_enough"


ACTIVITIES: dict[Activity, dict[Sound, Activity]] = {
    Activity.SILENCE: {
        Sound.HIGH: Activity.ONSET,
        Sound.MIDDLE: Activity.SILENCE,
        Sound.LOW: Activity.SILENCE,
        Sound.SPEECH_LONG_ENOUGH: Activity.SILENCE,
        Sound.SILENCE_LONG_ENOUGH: Activity.SILENCE,
    },
    Activity.ONSET: {
        Sound.HIGH: Activity.ONSET,
        Sound.MIDDLE: Activity.ONSET,
        Sound.LOW: Activity.SILENCE,
        Sound.SPEECH_LONG_ENOUGH: Activity.SPEECH,
        Sound.SILENCE_LONG_ENOUGH: Activity.ONSET,
    },
    Activity.SPEECH: {
        Sound.HIGH: Activity.SPEECH,
        Sound.MIDDLE: Activity.SPEECH,
        Sound.LOW: Activity.HANGOVER,
        Sound.SPEECH_LONG_ENOUGH: Activity.SPEECH,
        Sound.SILENCE_LONG_ENOUGH: Activity.SPEECH,
    },
    Activity.HANGOVER: {
        Sound.HIGH: Activity.SPEECH,
        Sound.MIDDLE: Activity.HANGOVER,
        Sound.LOW: Activity.HANGOVER,
        Sound.SPEECH_LONG_ENOUGH: Activity.HANGOVER,
        Sound.SILENCE_LONG_ENOUGH: Activity.SILENCE,
    },
}


def next_activity(activity: Activity, sound: Sound) -> Activity:
    """Return what the caller does after `sound`; every sound is possible in every activity."""
    return ACTIVITIES[activity][sound]


class EdgeKind(StrEnum):
    """What happened to the caller's turn."""

    STARTED = "started"
    MAYBE_ENDED = "maybe_ended"
    RESUMED = "resumed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge of a turn. `sample`: where the speech began (STARTED, RESUMED) or fell silent."""

    kind: EdgeKind
    sample: int


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """When sound is speech and silence is the end of a turn."""

    threshold: float = 0.5
    silence_ms: int = 400
    min_speech_ms: int = 100

    @property
    def leave_threshold(self) -> float:
        """Probability under which speech falls silent."""
        return max(MIN_LEAVE_THRESHOLD, self.threshold - HYSTERESIS)

    @property
    def maybe_ended_ms(self) -> int:
        """Silence after which MAYBE_ENDED comes: always before the end itself."""
        return min(MAYBE_ENDED_MS, self.silence_ms // 2)


def _samples(duration_ms: int) -> int:
    return duration_ms * RATE_HZ // 1000


class Endpointing:
    """The machine of one session; `settings` may be replaced at any time."""

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self.activity = Activity.SILENCE
        self.onset_sample = 0
        """Where the sound began that is (or may become) the current speech."""
        self._position = 0
        self._silent_from = 0
        self._maybe_ended = False

    @property
    def position(self) -> int:
        """Samples heard so far."""
        return self._position

    @property
    def is_speaking(self) -> bool:
        """Whether a turn is open: STARTED was told and ENDED was not."""
        return self.activity in (Activity.SPEECH, Activity.HANGOVER)

    @property
    def has_onset(self) -> bool:
        """Whether sound that may become speech began at `onset_sample`."""
        return self.activity is Activity.ONSET

    def hear(self, probability: float, sample_count: int) -> tuple[Edge, ...]:
        """Take one frame's probability of speech (0 to 1); return the edges it makes, in order."""
        begin = self._position
        self._position += sample_count
        before = self.activity
        self.activity = next_activity(before, self._sound_of(probability))
        match before, self.activity:
            case Activity.SILENCE, Activity.ONSET:
                self.onset_sample = begin
            case Activity.SPEECH, Activity.HANGOVER:
                self._silent_from = begin
                self._maybe_ended = False
            case Activity.HANGOVER, Activity.SPEECH if self._maybe_ended:
                return (Edge(EdgeKind.RESUMED, begin),)
        return self._full_counters()

    def _sound_of(self, probability: float) -> Sound:
        if probability >= self.settings.threshold:
            return Sound.HIGH
        return Sound.MIDDLE if probability >= self.settings.leave_threshold else Sound.LOW

    def _full_counters(self) -> tuple[Edge, ...]:
        if self.activity is Activity.ONSET:
            if self._position - self.onset_sample >= _samples(self.settings.min_speech_ms):
                self.activity = next_activity(self.activity, Sound.SPEECH_LONG_ENOUGH)
                return (Edge(EdgeKind.STARTED, self.onset_sample),)
        elif self.activity is Activity.HANGOVER:
            return self._silence_edges(self._position - self._silent_from)
        return ()

    def _silence_edges(self, silent: int) -> tuple[Edge, ...]:
        edges: list[Edge] = []
        if not self._maybe_ended and silent >= _samples(self.settings.maybe_ended_ms):
            self._maybe_ended = True
            edges.append(Edge(EdgeKind.MAYBE_ENDED, self._silent_from))
        if silent >= _samples(self.settings.silence_ms):
            self.activity = next_activity(self.activity, Sound.SILENCE_LONG_ENOUGH)
            edges.append(Edge(EdgeKind.ENDED, self._silent_from))
        return tuple(edges)

    def end(self) -> Edge | None:
        """End the open turn now (manual commit, longest turn); None if there is none."""
        was, self.activity = self.activity, Activity.SILENCE
        if was is Activity.SPEECH:
            return Edge(EdgeKind.ENDED, self._position)
        if was is Activity.HANGOVER:
            return Edge(EdgeKind.ENDED, self._silent_from)
        self.activity = was
        return None
