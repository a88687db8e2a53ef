"""What passes between a call and its caller leg."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agentvoice.core.audio import AudioChunk
from agentvoice.core.item import Item

# --- from the caller ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallerAudio:
    """Sound of the caller, in CALL_FORMAT."""

    chunk: AudioChunk


@dataclass(frozen=True, slots=True)
class CallerText:
    """The caller typed a whole turn."""

    text: str


@dataclass(frozen=True, slots=True)
class Played:
    """The caller has heard `sample_count` samples since the call began (no silence counted)."""

    sample_count: int


@dataclass(frozen=True, slots=True)
class OutputCleared:
    """The leg dropped its unplayed sound as told; `sample_count` is what was played by then.

    Counted like `Played`. Sound queued after the order to clear is not in it, so the cut is exact
    even when a new reply follows at once.
    """

    sample_count: int


@dataclass(frozen=True, slots=True)
class PlayoutReported:
    """An answer is over: the depth of the jitter buffer then, and how often its sound ran dry."""

    depth_ms: int
    underruns: int


@dataclass(frozen=True, slots=True)
class CallerAudioDropped:
    """Sound of the caller was lost in the leg: the call read it too slowly."""

    duration_ms: int


@dataclass(frozen=True, slots=True)
class InterruptPressed:
    """The caller wants the agent to stop speaking."""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The caller says that their spoken turn is over (push to talk); for sessions with manual turns."""


@dataclass(frozen=True, slots=True)
class SwitchAsked:
    """The caller pressed another agent's button."""

    agent: str


@dataclass(frozen=True, slots=True)
class DoNotPublishPressed:
    """The caller wants this whole call kept off Nostr."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller ended the call."""


@dataclass(frozen=True, slots=True)
class CallerReturned:
    """The caller's connection was lost for `gap_ms`, and is back."""

    gap_ms: int

    @property
    def told(self) -> str:
        """The gap in words, for the transcript."""
        return (
            f"The connection was lost for {self.gap_ms / 1_000:.1f} s: what was said meanwhile was not heard."
        )


LegEvent = (
    CallerAudio
    | CallerText
    | Played
    | OutputCleared
    | PlayoutReported
    | CallerAudioDropped
    | InterruptPressed
    | TurnEnded
    | SwitchAsked
    | DoNotPublishPressed
    | CallerReturned
    | HungUp
)


# --- to the caller's display ----------------------------------------------------------------


class CallStatus(StrEnum):
    """What the call is doing, as the caller sees it."""

    CONNECTING = "connecting"
    LISTENING = "listening"
    HEARING = "hearing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    SWITCHING = "switching"
    RECONNECTING = "reconnecting"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """The call does something else now."""

    status: CallStatus


@dataclass(frozen=True, slots=True)
class ItemChanged:
    """An item began, grew, was cut or finished."""

    item: Item


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """Another agent speaks from now on."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class TurnTimed:
    """A turn's voice-to-voice time: end of the caller's speech to the first sample sent on."""

    agent: str
    voice_to_voice_ms: int


@dataclass(frozen=True, slots=True)
class HandoverTimed:
    """A handover's time: from the request to the new agent's first sample sent on."""

    from_agent: str
    to_agent: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class PublishingChanged:
    """What will be published where; `refused` once the caller said not to publish."""

    policy: str
    relays: tuple[str, ...]
    refused: bool = False


@dataclass(frozen=True, slots=True)
class SpendingChanged:
    """What the call has cost by now; `is_estimate`: some of it is a guess."""

    cost_nano_usd: int
    is_estimate: bool
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class WarningGiven:
    """A limit of the call, or of its project, is near or reached."""

    message: str


CallUpdate = (
    StatusChanged
    | ItemChanged
    | AgentChanged
    | TurnTimed
    | HandoverTimed
    | PublishingChanged
    | SpendingChanged
    | WarningGiven
)
