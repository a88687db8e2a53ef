"""Whether speech over the agent interrupts it, as a table; time is an argument.

Short speech does not. Longer speech holds the answer back, and only words cut it: when none come,
the answer goes on where it was held. Without `resume_false_ms` longer speech cuts at once.
"""

from __future__ import annotations

from enum import StrEnum

from agentvoice.core.audio import MS_PER_S
from agentvoice.core.turn_policy import TurnPolicy


class Doubt(StrEnum):
    """What is known of speech over the agent."""

    NONE = "none"
    SUSPECTED = "suspected"
    """The caller speaks, not yet for long enough."""
    HELD = "held"
    """The caller speaks; the answer is held back."""
    UNWORDED = "unworded"
    """The speech is over, the answer is held back, words may come."""


class DoubtEvent(StrEnum):
    """What moves it."""

    SPEECH_STARTED = "speech_started"
    LONG_ENOUGH = "long_enough"
    SPEECH_STOPPED = "speech_stopped"
    TOO_SHORT = "too_short"
    """The speech is over and was shorter than it must be."""
    WORDS_HEARD = "words_heard"
    NOTHING_SAID = "nothing_said"
    WAITED = "waited"
    """No words came in time."""


class Step(StrEnum):
    """What is done with the answer."""

    NOTHING = "nothing"
    HOLD = "hold"
    RESUME = "resume"
    CUT = "cut"


_NONE = {event: (Doubt.NONE, Step.NOTHING) for event in DoubtEvent} | {
    DoubtEvent.SPEECH_STARTED: (Doubt.SUSPECTED, Step.NOTHING)
}
_SUSPECTED = {event: (Doubt.SUSPECTED, Step.NOTHING) for event in DoubtEvent} | {
    DoubtEvent.LONG_ENOUGH: (Doubt.HELD, Step.HOLD),
    DoubtEvent.SPEECH_STOPPED: (Doubt.UNWORDED, Step.HOLD),  # told late, but it was long
    DoubtEvent.TOO_SHORT: (Doubt.NONE, Step.NOTHING),
}
_HELD = {event: (Doubt.HELD, Step.NOTHING) for event in DoubtEvent} | {
    DoubtEvent.SPEECH_STOPPED: (Doubt.UNWORDED, Step.NOTHING),
    DoubtEvent.TOO_SHORT: (Doubt.NONE, Step.RESUME),
    DoubtEvent.WORDS_HEARD: (Doubt.NONE, Step.CUT),
}
_UNWORDED = {event: (Doubt.UNWORDED, Step.NOTHING) for event in DoubtEvent} | {
    DoubtEvent.SPEECH_STARTED: (Doubt.HELD, Step.NOTHING),
    DoubtEvent.WORDS_HEARD: (Doubt.NONE, Step.CUT),
    DoubtEvent.NOTHING_SAID: (Doubt.NONE, Step.RESUME),
    DoubtEvent.WAITED: (Doubt.NONE, Step.RESUME),
}

HOLDING: dict[Doubt, dict[DoubtEvent, tuple[Doubt, Step]]] = {
    Doubt.NONE: _NONE,
    Doubt.SUSPECTED: _SUSPECTED,
    Doubt.HELD: _HELD,
    Doubt.UNWORDED: _UNWORDED,
}
"""With `resume_false_ms`: every event is possible in every state."""

CUTTING: dict[Doubt, dict[DoubtEvent, tuple[Doubt, Step]]] = {
    Doubt.NONE: _NONE,
    Doubt.SUSPECTED: _SUSPECTED
    | {
        DoubtEvent.LONG_ENOUGH: (Doubt.NONE, Step.CUT),
        DoubtEvent.SPEECH_STOPPED: (Doubt.NONE, Step.CUT),
    },
}
"""Without it nothing is ever held back."""


class Interruption:
    """Follows the speech over one answer; `deadline_s` is when `due` is to be called (None: never)."""

    def __init__(self) -> None:
        self.doubt = Doubt.NONE
        self.deadline_s: float | None = None
        self._policy = TurnPolicy()
        self._began_ms = 0

    def speech_started(self, policy: TurnPolicy, audio_ms: int, now_s: float) -> Step:
        """The caller speaks over the agent, from `audio_ms` of their sound on."""
        self._policy = policy
        if self.doubt is Doubt.NONE:
            self._began_ms = audio_ms
        step = self._move(DoubtEvent.SPEECH_STARTED)
        self.deadline_s = None
        if self.doubt is Doubt.SUSPECTED:
            # The provider tells of an end only after its silence; a cut cannot be taken back, so it
            # waits for that. Holding can be taken back, and does not.
            wait_ms = policy.min_speech_ms + (0 if policy.resume_false_ms else policy.silence_ms)
            self.deadline_s = now_s + wait_ms / MS_PER_S
            return self.due(now_s)
        return step

    def speech_stopped(self, audio_ms: int, now_s: float) -> Step:
        """The caller fell silent; padding and silence of the turn detection are no speech."""
        policy = self._policy
        speech_ms = audio_ms - self._began_ms - policy.padding_ms - policy.silence_ms
        is_short = self.doubt is not Doubt.NONE and speech_ms < policy.min_speech_ms
        step = self._move(DoubtEvent.TOO_SHORT if is_short else DoubtEvent.SPEECH_STOPPED)
        waits = self.doubt is Doubt.UNWORDED
        self.deadline_s = now_s + policy.resume_false_ms / MS_PER_S if waits else None
        return step

    def words_heard(self) -> Step:
        """Words of the caller are there, or their turn could not be written down."""
        return self._settle(DoubtEvent.WORDS_HEARD)

    def nothing_said(self) -> Step:
        """What was taken for speech had no words."""
        return self._settle(DoubtEvent.NOTHING_SAID)

    def due(self, now_s: float) -> Step:
        """Look whether the deadline has passed."""
        if self.deadline_s is None or now_s < self.deadline_s:
            return Step.NOTHING
        self.deadline_s = None
        return self._move(DoubtEvent.LONG_ENOUGH if self.doubt is Doubt.SUSPECTED else DoubtEvent.WAITED)

    def forget(self) -> None:
        """The answer was cut by other means, or its session is over."""
        self.doubt, self.deadline_s = Doubt.NONE, None

    def _settle(self, event: DoubtEvent) -> Step:
        step = self._move(event)
        if self.doubt is Doubt.NONE:
            self.deadline_s = None
        return step

    def _move(self, event: DoubtEvent) -> Step:
        table = HOLDING if self._policy.resume_false_ms else CUTTING
        self.doubt, step = table[self.doubt][event]
        return step
