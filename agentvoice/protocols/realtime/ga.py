"""The GA dialect of the Realtime API: our commands as its client events, its server events as ours.

Source: the vendor's Realtime reference (client events, server events, session object).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec

from agentvoice.core.agent import TURN_DETECTION_MANUAL, OpenAISettings, TurnDetection
from agentvoice.core.audio import CALL_FORMAT
from agentvoice.core.engine import SessionConfig
from agentvoice.core.item import Item, ItemKind, Role
from agentvoice.core.speech import (
    AppendAudio,
    CancelResponse,
    ClearInput,
    CommitInput,
    Configure,
    CreateItem,
    Respond,
    SendToolResult,
    SpeechCommand,
    TruncateItem,
)
from agentvoice.protocols.realtime import server_events as se
from agentvoice.protocols.realtime.tools import declare_tools

PCM_24K = {"type": "audio/pcm", "rate": CALL_FORMAT.rate_hz}
CUSTOM_VOICE_PREFIX = "voice_"
SAY = "Say exactly the following text, word for word, and nothing before or after it:\n\n"

Wire = dict[str, object]

SHAPES: dict[str, type[se.ServerEvent]] = {
    "error": se.ErrorReported,
    "session.created": se.SessionCreated,
    "session.updated": se.SessionUpdated,
    "conversation.item.created": se.ItemPlaced,
    "conversation.item.added": se.ItemPlaced,
    "conversation.item.done": se.ItemSettled,
    "conversation.item.deleted": se.ItemDeleted,
    "conversation.item.input_audio_transcription.delta": se.TranscriptionDelta,
    "conversation.item.input_audio_transcription.completed": se.TranscriptionCompleted,
    "conversation.item.input_audio_transcription.failed": se.TranscriptionFailed,
    "input_audio_buffer.committed": se.InputCommitted,
    "input_audio_buffer.speech_started": se.InputSpeechStarted,
    "input_audio_buffer.speech_stopped": se.InputSpeechStopped,
    "mcp_list_tools.failed": se.McpListingFailed,
    "response.created": se.ResponseCreated,
    "response.done": se.ResponseDone,
    "response.output_item.added": se.OutputItemAdded,
    "response.output_item.done": se.OutputItemDone,
    "response.output_text.delta": se.OutputTextDelta,
    "response.output_audio_transcript.delta": se.OutputTextDelta,
    "response.output_audio.delta": se.OutputAudioDelta,
    "response.output_audio.done": se.OutputAudioDone,
}
"""The server events that we act on."""

NOTED = frozenset({
    "conversation.created",
    "conversation.item.input_audio_transcription.segment",
    "conversation.item.retrieved",
    "conversation.item.truncated",
    "input_audio_buffer.cleared",
    "input_audio_buffer.dtmf_event_received",
    "input_audio_buffer.timeout_triggered",
    "mcp_list_tools.completed",
    "mcp_list_tools.in_progress",
    "output_audio_buffer.cleared",
    "output_audio_buffer.started",
    "output_audio_buffer.stopped",
    "rate_limits.updated",
    "response.content_part.added",
    "response.content_part.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.mcp_call.completed",
    "response.mcp_call.failed",
    "response.mcp_call.in_progress",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
    "response.output_audio_transcript.done",
    "response.output_text.done",
})  # fmt: skip
"""The server events that repeat what others say, or are about what we do not use."""


class EncodeCommand(Protocol):
    """Turns a command into a client event; see `encode_command`."""

    def __call__(self, command: SpeechCommand, event_id: str, ref: str = "") -> str | None: ...


class DecodeEvent(Protocol):
    """Turns a frame into a server event; see `decode_event`."""

    def __call__(self, text: str | bytes) -> se.ServerEvent | se.UnknownEvent: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """A wire format that RealtimeProtocol can speak."""

    name: str
    encode_command: EncodeCommand
    decode_event: DecodeEvent


def decode_event(text: str | bytes) -> se.ServerEvent | se.UnknownEvent:
    """Decode one GA server event; raises RemoteProtocolError when it is none."""
    return se.decode_with(SHAPES, NOTED, text)


def encode_command(command: SpeechCommand, event_id: str, ref: str = "") -> str | None:
    """Return the GA client event of a command, None when the provider is not told.

    `ref` is the response that is cancelled, or the id that a tool result's item gets.
    """
    event = _event_of(command, ref)
    if event is None:
        return None
    if event_id:
        event["event_id"] = event_id
    return msgspec.json.encode(event).decode()


def _event_of(command: SpeechCommand, ref: str) -> Wire | None:
    match command:
        case AppendAudio(chunk=chunk):
            return {"type": "input_audio_buffer.append", "audio": chunk.samples}  # bytes become base64
        case Configure(config=config):
            return {"type": "session.update", "session": _session(config)}
        case CreateItem(item=item):
            return _create(_item(item))
        case SendToolResult(tool_ref=tool_ref, output=output):
            return _create({"id": ref, **_tool_result(tool_ref, output)})
        case Respond(say=say):
            return _respond(say)
        case TruncateItem():
            return _cut(command)
        case CancelResponse():
            return {"type": "response.cancel", "response_id": ref}
        case CommitInput():
            return {"type": "input_audio_buffer.commit"}
        case ClearInput():  # pragma: no branch - mypy proves that no command is left
            return {"type": "input_audio_buffer.clear"}


def _respond(say: str) -> Wire:
    if not say:
        return {"type": "response.create"}
    # These instructions stand for the session's in this one reply; a greeting calls no tool.
    return {"type": "response.create", "response": {"instructions": SAY + say, "tool_choice": "none"}}


def _cut(command: TruncateItem) -> Wire:
    if command.heard_ms == 0:  # truncating at 0 ms is refused
        return {"type": "conversation.item.delete", "item_id": command.ref}
    return {
        "type": "conversation.item.truncate",
        "item_id": command.ref,
        "content_index": command.content_index,
        "audio_end_ms": command.heard_ms,
    }


# --- items ------------------------------------------------------------------------------------


def _create(item: Wire | None) -> Wire | None:
    return item and {"type": "conversation.item.create", "item": item}


def _item(item: Item) -> Wire | None:
    wire: Wire | None = None
    match item.kind:
        case ItemKind.MESSAGE if item.text:
            wire = _message(item.role, item.text)
        case ItemKind.HANDOVER:
            wire = _message(Role.SYSTEM, f"The call was handed over: {item.text}")
        case ItemKind.TOOL_CALL:
            wire = {
                "type": "function_call",
                "call_id": item.tool_call_id,
                "name": item.tool_name,
                "arguments": item.text,
            }
        case ItemKind.TOOL_RESULT:
            wire = _tool_result(item.tool_call_id, item.text)
    # Notices are for the caller; a turn without words says nothing to the model.
    return wire and {"id": item.id, **wire}


def _message(role: Role, text: str) -> Wire:
    if role is Role.AGENT:  # an answer's sound cannot be given back, only its words
        return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    name = "user" if role is Role.USER else "system"
    return {"type": "message", "role": name, "content": [{"type": "input_text", "text": text}]}


def _tool_result(call_id: str, output: str) -> Wire:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


# --- session ----------------------------------------------------------------------------------


def _session(config: SessionConfig) -> Wire:
    """The whole session object: a field that is left out would keep the last agent's value."""
    settings = config.agent.openai
    return {
        "type": "realtime",
        "instructions": config.instructions,
        "output_modalities": [settings.output],
        "audio": {
            "input": {
                "format": PCM_24K,
                "transcription": _transcription(settings),
                "turn_detection": _turn_detection(settings.turn_detection),
            },
            "output": {"format": PCM_24K, "voice": _voice(settings.voice)},
        },
        "tools": declare_tools(config),
        "tool_choice": "auto",
    }


def _voice(voice: str) -> str | Wire:
    return {"id": voice} if voice.startswith(CUSTOM_VOICE_PREFIX) else voice


def _transcription(settings: OpenAISettings) -> Wire | None:
    if not settings.transcription_model:
        return None
    language = settings.transcription_language
    return {"model": settings.transcription_model, **({"language": language} if language else {})}


def _turn_detection(turns: TurnDetection) -> Wire | None:
    if turns.kind == TURN_DETECTION_MANUAL:
        return None
    replies: Wire = {
        "type": turns.kind,
        "create_response": turns.create_response,
        "interrupt_response": turns.interrupt_response,
    }
    if turns.kind == "semantic_vad":
        return {**replies, "eagerness": turns.eagerness}
    loudness: Wire = {
        "threshold": turns.threshold,
        "prefix_padding_ms": turns.prefix_padding_ms,
        "silence_duration_ms": turns.silence_ms,
    }
    if turns.idle_timeout_ms:
        loudness["idle_timeout_ms"] = turns.idle_timeout_ms
    return {**replies, **loudness}


GA = Dialect("ga", encode_command, decode_event)
