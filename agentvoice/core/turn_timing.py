"""How long the caller waits: voice to voice for each turn, request to first sound for a handover.

Times are monotonic seconds, given by the caller of each method.
"""

from __future__ import annotations

from agentvoice.core.audio import MS_PER_S
from agentvoice.core.leg import CallUpdate, HandoverTimed, TurnTimed


class TurnTiming:
    """Runs from the end of the caller's speech (or a typed turn) to the first sound of the reply."""

    def __init__(self) -> None:
        self._appended_ms = 0
        self._speech_ended_at_s: float | None = None
        self._handover: tuple[str, str, float] | None = None

    def begin_session(self) -> None:
        """A new session counts the sound it is given from 0."""
        self._appended_ms = 0

    def appended(self, duration_ms: int) -> None:
        """Sound of the caller went to the session."""
        self._appended_ms += duration_ms

    def speech_stopped(self, audio_ms: int, now_s: float) -> None:
        """The caller fell silent `audio_ms` into the session's sound.

        That is in the past by what was appended since: end-pointing is part of the wait.
        """
        behind_ms = max(0, self._appended_ms - audio_ms)
        self._speech_ended_at_s = now_s - behind_ms / MS_PER_S

    def typed(self, now_s: float) -> None:
        """The caller typed a turn."""
        self._speech_ended_at_s = now_s

    def handover_asked(self, from_agent: str, to_agent: str, asked_at_s: float) -> None:
        """A handover was done that was asked for at `asked_at_s`."""
        self._handover = (from_agent, to_agent, asked_at_s)

    def first_sound(self, agent: str, now_s: float) -> tuple[CallUpdate, ...]:
        """Sound of the agent is sent on; return the times that end with it."""
        timed: list[CallUpdate] = []
        if self._speech_ended_at_s is not None:
            timed.append(TurnTimed(agent, round((now_s - self._speech_ended_at_s) * MS_PER_S)))
            self._speech_ended_at_s = None
        if self._handover is not None:
            from_agent, to_agent, asked_at_s = self._handover
            timed.append(HandoverTimed(from_agent, to_agent, round((now_s - asked_at_s) * MS_PER_S)))
            self._handover = None
        return tuple(timed)
