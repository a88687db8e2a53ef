"""What calls tell the metrics, read from what passes between a call and its leg.

The leg is wrapped, so that what makes a call need not know that it is counted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from agentvoice.core.audio import MS_PER_S, AudioChunk
from agentvoice.core.leg import (
    AgentChanged,
    CallerAudioDropped,
    CallerText,
    CallStatus,
    CallUpdate,
    HandoverTimed,
    InterruptPressed,
    LegEvent,
    PlayoutReported,
    StatusChanged,
    TurnTimed,
)
from agentvoice.core.metrics import (
    AUDIO_DROPPED,
    BARGE_INS,
    FROM_LEG,
    HANDOVER_TIME,
    HANDOVERS,
    PLAYOUT_DEPTH,
    RECONNECTS,
    SESSIONS_LOST,
    UNDERRUNS,
    VOICE_TO_VOICE,
)
from agentvoice.core.ports import CallerLeg, Metrics


class MeasuredLeg:
    """A caller leg (core.ports.CallerLeg) whose call is counted.

    The leg's own reports end here: they are for the metrics alone.
    """

    def __init__(self, leg: CallerLeg, metrics: Metrics) -> None:
        self._leg = leg
        self._metrics = metrics
        self._status = CallStatus.CONNECTING
        self._agent = ""

    @property
    def transport(self) -> str:
        """The leg's."""
        return self._leg.transport

    async def events(self) -> AsyncIterator[LegEvent]:
        """Yield what the caller does."""
        async for event in self._leg.events():
            match event:
                case PlayoutReported(depth_ms=depth_ms, underruns=underruns):
                    self._metrics.observe(PLAYOUT_DEPTH, depth_ms / MS_PER_S)
                    self._metrics.add(UNDERRUNS, underruns)
                case CallerAudioDropped(duration_ms=duration_ms):
                    self._metrics.add(AUDIO_DROPPED, duration_ms / MS_PER_S, FROM_LEG)
                case CallerText() | InterruptPressed():
                    self._spoken_over()
                    yield event
                case _:
                    yield event

    def play(self, chunk: AudioChunk) -> None:
        """Pass it on."""
        self._leg.play(chunk)

    def clear_output(self) -> None:
        """Pass it on."""
        self._leg.clear_output()

    def show(self, update: CallUpdate) -> None:
        """Count what happened, and pass it on."""
        match update:
            case StatusChanged(status=status):
                self._move(status)
            case TurnTimed(voice_to_voice_ms=took_ms):
                self._metrics.observe(VOICE_TO_VOICE, took_ms / MS_PER_S)
            case HandoverTimed(duration_ms=took_ms):
                self._metrics.observe(HANDOVER_TIME, took_ms / MS_PER_S)
            case AgentChanged(slug=slug):
                if self._agent not in ("", slug):
                    self._metrics.add(HANDOVERS)
                self._agent = slug
        self._leg.show(update)

    async def close(self) -> None:
        """Close the leg."""
        await self._leg.close()

    def _move(self, status: CallStatus) -> None:
        if status is CallStatus.RECONNECTING:
            self._metrics.add(SESSIONS_LOST)
        elif self._status is CallStatus.RECONNECTING and status is not CallStatus.ENDED:
            self._metrics.add(RECONNECTS)
        elif status is CallStatus.HEARING:
            self._spoken_over()
        self._status = status

    def _spoken_over(self) -> None:
        if self._status is CallStatus.SPEAKING:
            self._metrics.add(BARGE_INS)
