"""What the dialects of the Realtime API share: our commands as client events, server events as ours.

A dialect is the few things in which it differs: a header, its session object, the type of an
agent's written words and the names of its server events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

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

SAY = "Say exactly the following text, word for word, and nothing before or after it:\n\n"

Wire = dict[str, object]

COMMON_SHAPES: dict[str, type[se.ServerEvent]] = {
    "error": se.ErrorReported,
    "session.created": se.SessionCreated,
    "session.updated": se.SessionUpdated,
    "conversation.item.created": se.ItemPlaced,
    "conversation.item.deleted": se.ItemDeleted,
    "conversation.item.input_audio_transcription.delta": se.TranscriptionDelta,
    "conversation.item.input_audio_transcription.completed": se.TranscriptionCompleted,
    "conversation.item.input_audio_transcription.failed": se.TranscriptionFailed,
    "input_audio_buffer.committed": se.InputCommitted,
    "input_audio_buffer.speech_started": se.InputSpeechStarted,
    "input_audio_buffer.speech_stopped": se.InputSpeechStopped,
    "rate_limits.updated": se.RateLimitsUpdated,
    "response.created": se.ResponseCreated,
    "response.done": se.ResponseDone,
    "response.output_item.added": se.OutputItemAdded,
    "response.output_item.done": se.OutputItemDone,
}
"""The server events that we act on and that every dialect calls the same."""

COMMON_NOTED = frozenset({
    "conversation.created",
    "conversation.item.retrieved",
    "conversation.item.truncated",
    "input_audio_buffer.cleared",
    "output_audio_buffer.cleared",
    "output_audio_buffer.started",
    "output_audio_buffer.stopped",
    "response.content_part.added",
    "response.content_part.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
})  # fmt: skip
"""Known server events that repeat what others say, or are about what we do not use."""

USED_CLIENT_EVENTS = {
    "session.update": "the whole configuration, first and at each switch of agents",
    "input_audio_buffer.append": "the caller's sound",
    "input_audio_buffer.commit": "the end of a manual turn",
    "input_audio_buffer.clear": "the caller's sound that is not yet part of a turn is forgotten",
    "conversation.item.create": "typed turns, replayed items, results of tools",
    "conversation.item.truncate": "an answer ends at the millisecond heard",
    "conversation.item.delete": "an answer of which nothing was heard, or words without sound",
    "response.create": "a reply that the server does not give by itself",
    "response.cancel": "a reply that the server does not stop by itself",
}
"""The client events that we send, and what for."""

UNUSED_CLIENT_EVENTS = {
    "conversation.item.retrieve": "an item's sound as the server cleaned it: nothing of ours needs it",
    "output_audio_buffer.clear": "for WebRTC and SIP, where the server holds the sound; here the caller leg does",
}
"""The client events that we never send, and why."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A wire format that RealtimeProtocol can speak.

    `session` builds the session object; `agent_text` is the content type of an agent's words;
    `shapes` and `noted` are its server events by name.
    """

    name: str
    session: Callable[[SessionConfig], Wire]
    agent_text: str
    shapes: Mapping[str, type[se.ServerEvent]]
    noted: frozenset[str]
    headers: Mapping[str, str] = field(default_factory=dict)

    def decode_event(self, text: str | bytes) -> se.ServerEvent | se.UnknownEvent:
        """Decode one server event; raises RemoteProtocolError when it is none."""
        return se.decode_with(self.shapes, self.noted, text)

    def encode_command(
        self, command: SpeechCommand, event_id: str, ref: str = "", now: SessionConfig | None = None
    ) -> str | None:
        """Return the client event of a command, None when the provider is not told.

        `ref` is the response that is cancelled, or the id that a tool result's item gets. `now` is
        how the session is configured already, None before its first configuration.
        """
        event = self._event_of(command, ref, now)
        if event is None:
            return None
        if event_id:
            event["event_id"] = event_id
        return msgspec.json.encode(event).decode()

    def _event_of(self, command: SpeechCommand, ref: str, now: SessionConfig | None) -> Wire | None:
        match command:
            case AppendAudio(chunk=chunk):
                return {"type": "input_audio_buffer.append", "audio": chunk.samples}  # bytes become base64
            case Configure(config=config):
                return {"type": "session.update", "session": self._session_of(config, now)}
            case CreateItem(item=item):
                return _create(self._item(item))
            case SendToolResult(tool_ref=tool_ref, output=output):
                return _create({"id": ref, **_tool_result(tool_ref, output)})
            case Respond(say=say):
                return _respond(say, now)
            case TruncateItem():
                return _cut(command)
            case CancelResponse():
                return {"type": "response.cancel", "response_id": ref}
            case CommitInput():
                return {"type": "input_audio_buffer.commit"}
            case ClearInput():  # pragma: no branch - mypy proves that no command is left
                return {"type": "input_audio_buffer.clear"}

    def _session_of(self, config: SessionConfig, now: SessionConfig | None) -> Wire:
        session = self.session(config)
        if now is None:
            return session
        session = with_cleared(session, self.session(now))
        del session["tracing"]  # it is fixed when the session begins
        return session

    def _item(self, item: Item) -> Wire | None:
        wire: Wire | None = None
        match item.kind:
            case ItemKind.MESSAGE if item.text:
                wire = self._message(item.role, item.text)
            case ItemKind.HANDOVER:
                wire = self._message(Role.SYSTEM, f"The call was handed over: {item.text}")
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

    def _message(self, role: Role, text: str) -> Wire:
        # An answer's sound cannot be given back, only its words.
        kind = self.agent_text if role is Role.AGENT else "input_text"
        name = {Role.AGENT: "assistant", Role.USER: "user"}.get(role, "system")
        return {"type": "message", "role": name, "content": [{"type": kind, "text": text}]}


def with_cleared(session: Wire, before: Wire) -> Wire:
    """Return `session` with null for what only `before` set: a field left out would keep its value.

    Tables of another `type` replace each other whole, so that nothing of the old one is named.
    """
    cleared = dict(session)
    for name, old in before.items():
        new = session.get(name)
        if name not in session:
            cleared[name] = None
        elif isinstance(new, dict) and isinstance(old, dict) and new.get("type") == old.get("type"):
            cleared[name] = with_cleared(new, old)
    return cleared


def _respond(say: str, now: SessionConfig | None) -> Wire:
    response: Wire = {}
    if say:  # these instructions stand for the session's in this one reply; a greeting calls no tool
        response |= {"instructions": SAY + say, "tool_choice": "none"}
    if now is not None and now.agent.openai.metadata:
        response["metadata"] = dict(now.agent.openai.metadata)
    return {"type": "response.create", **({"response": response} if response else {})}


def _cut(command: TruncateItem) -> Wire:
    if command.heard_ms == 0:  # truncating at 0 ms is refused
        return {"type": "conversation.item.delete", "item_id": command.ref}
    return {
        "type": "conversation.item.truncate",
        "item_id": command.ref,
        "content_index": command.content_index,
        "audio_end_ms": command.heard_ms,
    }


def _create(item: Wire | None) -> Wire | None:
    return item and {"type": "conversation.item.create", "item": item}


def _tool_result(call_id: str, output: str) -> Wire:
    return {"type": "function_call_output", "call_id": call_id, "output": output}
