"""What a Realtime server says, in our own shapes: one for each event that means something to us.

The dialects share the fields and differ in the events' names, so a dialect is a table from its
names to these shapes. Fields we do not use are not named here, and may be anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

import msgspec

from agentvoice.errors import RemoteProtocolError


class ServerEvent(msgspec.Struct, frozen=True):
    """Anything the server says."""


class Part(msgspec.Struct, frozen=True):
    """A content part of an item: written text, or the transcript of sound."""

    text: str | None = None
    transcript: str | None = None


class WireItem(msgspec.Struct, frozen=True):
    """An item as the provider sends it; `id` is its ref in this session."""

    id: str
    type: str
    role: str | None = None
    status: str | None = None
    content: list[Part] | None = None
    name: str | None = None
    call_id: str | None = None
    arguments: str | None = None
    server_label: str | None = None

    @property
    def text(self) -> str | None:
        """The text of all parts, None if the item came without any."""
        texts = [part.text or part.transcript or "" for part in self.content or ()]
        return "".join(texts) if texts else None


class WireError(msgspec.Struct, frozen=True):
    """An error; `event_id` names the client's event that caused it."""

    message: str | None = None
    type: str | None = None
    code: str | None = None
    event_id: str | None = None

    @property
    def name(self) -> str:
        """The code, or the type where the provider gives no code."""
        return self.code or self.type or "unknown_error"

    @property
    def text(self) -> str:
        """Code and message in one line."""
        return f"{self.name}: {self.message}" if self.message else self.name


class CachedDetails(msgspec.Struct, frozen=True):
    """Cached input tokens by modality; they are part of the input tokens."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class TokenDetails(msgspec.Struct, frozen=True):
    """Tokens by modality."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    cached_tokens: int | None = None
    cached_tokens_details: CachedDetails | None = None


NO_DETAILS = TokenDetails()


class WireUsage(msgspec.Struct, frozen=True):
    """What a reply or a transcription used: tokens, or `seconds` of sound.

    The totals hold what the details leave out (a reply's reasoning, servers without details).
    """

    seconds: float | None = None
    input_tokens: int | None = None
    input_token_details: TokenDetails | None = None
    output_tokens: int | None = None
    output_token_details: TokenDetails | None = None


class StatusDetails(msgspec.Struct, frozen=True):
    """Why a response ended as it did."""

    reason: str | None = None
    error: WireError | None = None


class WireResponse(msgspec.Struct, frozen=True):
    """A response as the provider sends it."""

    id: str
    status: str | None = None
    status_details: StatusDetails | None = None
    output: list[WireItem] | None = None
    usage: WireUsage | None = None


class WireSession(msgspec.Struct, frozen=True):
    """A session's id and the model that it really runs."""

    id: str | None = None
    model: str | None = None


class ErrorReported(ServerEvent, frozen=True):
    """Something went wrong."""

    error: WireError


class SessionCreated(ServerEvent, frozen=True):
    """The session exists, with the provider's defaults."""

    session: WireSession


class SessionUpdated(ServerEvent, frozen=True):
    """The session is configured as we asked."""

    session: WireSession


class RateLimit(msgspec.Struct, frozen=True):
    """One limit of the account and what is left of it."""

    name: str | None = None
    remaining: int | None = None
    reset_seconds: float | None = None


class RateLimitsUpdated(ServerEvent, frozen=True):
    """What is left of the account's limits."""

    rate_limits: list[RateLimit]


class InputSpeechStarted(ServerEvent, frozen=True):
    """The caller began to speak."""

    audio_start_ms: int


class InputSpeechStopped(ServerEvent, frozen=True):
    """The caller stopped speaking."""

    audio_end_ms: int


class InputCommitted(ServerEvent, frozen=True):
    """The caller's turn became an item."""

    item_id: str
    previous_item_id: str | None = None


class ItemPlaced(ServerEvent, frozen=True):
    """An item stands in the conversation."""

    item: WireItem
    previous_item_id: str | None = None


class ItemSettled(ServerEvent, frozen=True):
    """An item will not change any more."""

    item: WireItem


class ItemDeleted(ServerEvent, frozen=True):
    """An item is gone."""

    item_id: str


class TranscriptionDelta(ServerEvent, frozen=True):
    """More of what the caller said."""

    item_id: str
    delta: str | None = None


class TranscriptionCompleted(ServerEvent, frozen=True):
    """What the caller said."""

    item_id: str
    transcript: str
    usage: WireUsage | None = None


class TranscriptionFailed(ServerEvent, frozen=True):
    """What the caller said could not be written down."""

    item_id: str
    error: WireError


class ResponseCreated(ServerEvent, frozen=True):
    """A reply began."""

    response: WireResponse


class ResponseDone(ServerEvent, frozen=True):
    """A reply is over."""

    response: WireResponse


class OutputItemAdded(ServerEvent, frozen=True):
    """A reply got an item."""

    response_id: str
    item: WireItem


class OutputItemDone(ServerEvent, frozen=True):
    """An item of a reply is finished."""

    response_id: str
    item: WireItem


class OutputTextDelta(ServerEvent, frozen=True):
    """More text of a reply, written or spoken."""

    response_id: str
    item_id: str
    delta: str


class OutputAudioDelta(ServerEvent, frozen=True):
    """More sound of a reply (base64 on the wire)."""

    response_id: str
    item_id: str
    content_index: int
    delta: bytes


class OutputAudioDone(ServerEvent, frozen=True):
    """All sound of a content part was sent."""

    response_id: str
    item_id: str
    content_index: int


class McpListingFailed(ServerEvent, frozen=True):
    """The provider could not list the tools of an MCP server."""

    item_id: str


class Noted(ServerEvent, frozen=True):
    """An event that is known and means nothing to us."""


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """An event of a type that this dialect does not know."""

    type: str


def decode_with(
    shapes: Mapping[str, type[ServerEvent]], noted: Set[str], text: str | bytes
) -> ServerEvent | UnknownEvent:
    """Decode one server event by a dialect's table of names.

    Raises RemoteProtocolError naming the event and the field when the text is no such event.
    """
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RemoteProtocolError(f"server event: got no JSON ({error})") from None
    name = message.get("type") if isinstance(message, dict) else None
    if not isinstance(name, str):
        raise RemoteProtocolError("server event: got no field `type`, want the event's name")
    if name in noted:
        return Noted()
    shape = shapes.get(name)
    if shape is None:
        return UnknownEvent(name)
    try:
        return msgspec.convert(message, shape)
    except msgspec.ValidationError as error:
        raise RemoteProtocolError(f"{name}: {error}") from None
