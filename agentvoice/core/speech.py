"""What a speech session is told and what it tells: the words of the SpeechSession port.

Both engines speak only these; vendor words stop at their codecs. `ref` names an item and
`response` names a response *within one session*; the conversation maps them to our own ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agentvoice.core.audio import AudioChunk
from agentvoice.core.engine import SessionConfig
from agentvoice.core.item import Item, ItemKind, Role

# --- commands: what a session is told -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Configure:
    """Make the session be this agent from now on."""

    config: SessionConfig


@dataclass(frozen=True, slots=True)
class AppendAudio:
    """The caller's sound, in order."""

    chunk: AudioChunk


@dataclass(frozen=True, slots=True)
class CommitInput:
    """End the caller's turn now (manual turns)."""


@dataclass(frozen=True, slots=True)
class ClearInput:
    """Forget the caller's sound that is not yet part of a turn."""


@dataclass(frozen=True, slots=True)
class CreateItem:
    """Put a finished item into the session's context (replay, or the caller's typed text)."""

    item: Item


@dataclass(frozen=True, slots=True)
class Respond:
    """Ask for a reply. `say`: speak this text (a greeting) instead of thinking of one."""

    say: str = ""


@dataclass(frozen=True, slots=True)
class CancelResponse:
    """Stop a reply that is being made; late audio of it is dropped by the session.

    `response` names it, so that an interrupt meant for one reply never stops a newer one; ""
    means whichever is active. A reply that is over already is no error.
    """

    response: str = ""


@dataclass(frozen=True, slots=True)
class TruncateItem:
    """The caller heard only `heard_ms` of this item's audio; 0 deletes the item.

    `text` is our own cut of the transcript, for engines that keep their context themselves.
    """

    ref: str
    content_index: int
    heard_ms: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class SendToolResult:
    """Answer a tool call; `output` is JSON text. A reply follows only by `Respond`."""

    tool_ref: str
    output: str


SpeechCommand = (
    Configure
    | AppendAudio
    | CommitInput
    | ClearInput
    | CreateItem
    | Respond
    | CancelResponse
    | TruncateItem
    | SendToolResult
)


# --- events: what a session tells -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionReady:
    """The session can be spoken to."""

    session: str


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The session is gone. `retryable`: a new one may work; `expired`: its time limit ended it."""

    reason: str
    retryable: bool = True
    expired: bool = False


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak, `audio_ms` into the sound that was appended."""

    audio_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The caller stopped speaking, `audio_ms` into the sound that was appended."""

    audio_ms: int


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """The caller's turn is over: its item takes its place now; the text may come later."""

    ref: str
    previous_ref: str | None = None


@dataclass(frozen=True, slots=True)
class TurnReopened:
    """The caller went on speaking: the item's text will be replaced by a longer one."""

    ref: str


@dataclass(frozen=True, slots=True)
class ItemAdded:
    """An item entered the session's conversation after `previous_ref` (None: at the end)."""

    ref: str
    kind: ItemKind
    role: Role
    response: str = ""
    previous_ref: str | None = None


@dataclass(frozen=True, slots=True)
class ItemTextDelta:
    """More text of an item."""

    ref: str
    text: str


@dataclass(frozen=True, slots=True)
class ItemDone:
    """The item is finished; `text` is its final text (None: what the deltas gave)."""

    ref: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ItemFailed:
    """The item's text could not be had (failed transcription)."""

    ref: str
    reason: str


@dataclass(frozen=True, slots=True)
class ItemRemoved:
    """The item turned out to be nothing (a turn without words)."""

    ref: str


@dataclass(frozen=True, slots=True)
class AudioDelta:
    """More sound of an item's content part."""

    ref: str
    content_index: int
    chunk: AudioChunk
    response: str = ""


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """A reply began."""

    response: str


class ResponseStatus(StrEnum):
    """How a reply ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    LOST = "lost"
    """Its session went before its end: the caller is still owed a reply."""


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    """A reply is over; exactly one for each ResponseStarted, and nothing of it follows."""

    response: str
    status: ResponseStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ToolCallRequested:
    """The model (or a rule of the local engine) wants a tool; `arguments` is JSON text.

    `ref` is the tool call's item; `tool_ref` goes back in SendToolResult.
    """

    ref: str
    tool_ref: str
    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True)
class UsageReported:
    """What a response (or a transcription) used; audio in ms where the engine bills by time.

    `input_cached_tokens` are part of the input tokens of all kinds; those of audio and image are
    part of it, the rest of it is text. Reasoning is part of the output text.
    """

    response: str
    model: str
    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    input_cached_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0
    audio_ms: int = 0
    input_image_tokens: int = 0
    input_cached_audio_tokens: int = 0
    input_cached_image_tokens: int = 0


@dataclass(frozen=True, slots=True)
class SessionError:
    """Something went wrong but the session lives. `command`: what caused it, if known.

    `is_retried`: the session tries again by itself, so the reply still comes.
    """

    code: str
    message: str
    retryable: bool = True
    command: str = ""
    is_retried: bool = False

    @property
    def may_end_reply(self) -> bool:
        """Whether a reply that was asked for may not come: another command's error says nothing of it."""
        return not self.is_retried and self.command.lower() in ("", "respond")


SpeechEvent = (
    SessionReady
    | SessionLost
    | SpeechStarted
    | SpeechStopped
    | TurnCommitted
    | TurnReopened
    | ItemAdded
    | ItemTextDelta
    | ItemDone
    | ItemFailed
    | ItemRemoved
    | AudioDelta
    | ResponseStarted
    | ResponseEnded
    | ToolCallRequested
    | UsageReported
    | SessionError
)
