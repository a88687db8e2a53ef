"""A RealtimeProtocol with its server's side in the test's hand; each frame is judged."""

from __future__ import annotations

import base64
import json
from typing import Any

from agentvoice.core.engine import SessionConfig
from agentvoice.core.speech import (
    SessionReady,
    SpeechCommand,
    SpeechEvent,
)
from agentvoice.protocols.realtime.dialect import Dialect
from agentvoice.protocols.realtime.ga import GA
from agentvoice.protocols.realtime.protocol import RealtimeProtocol
from tests.fakes.beta_dialect import beta_event, check_beta_frame
from tests.fakes.realtime_agents import config_of
from tests.fakes.realtime_oracle import check_client_frame, check_server_frame


class Peer:
    """An open session and the server that it talks to, in either dialect (tests write GA's words)."""

    def __init__(
        self, config: SessionConfig | None = None, max_audio_ms: int = 2_000, dialect: Dialect = GA
    ) -> None:
        self.dialect = dialect
        self.protocol = RealtimeProtocol(config or config_of(), dialect, max_audio_ms)
        self.protocol.receive_message(
            '{"type":"session.created","session":{"id":"sess_1","model":"gpt-realtime-2.1"}}'
        )
        [update] = self.frames()
        assert update["type"] == "session.update"
        updated = json.dumps({"type": "session.updated", "session": update["session"]})
        assert self.protocol.receive_message(updated) == [SessionReady("sess_1")]

    def frames(self) -> list[dict[str, Any]]:
        """Return what the client sends now."""
        frames = list(iter(self.protocol.next_frame, None))
        for frame in frames:
            check_client_frame(frame) if self.dialect is GA else check_beta_frame(frame)
        return [json.loads(frame) for frame in frames]

    def sends(self, *commands: SpeechCommand) -> list[dict[str, Any]]:
        """Give commands; return what is sent for them."""
        for command in commands:
            self.protocol.send(command)
        return self.frames()

    def types(self, *commands: SpeechCommand) -> list[str]:
        """Give commands; return the types of what is sent."""
        return [frame["type"] for frame in self.sends(*commands)]

    def hears(self, name: str, /, **fields: Any) -> list[SpeechEvent]:
        """The server sends a valid event; return what the session tells."""
        event = {"type": name, "event_id": "event_1", **fields}
        check_server_frame(json.dumps(event))
        return self.receives(event)

    def receives(self, event: dict[str, Any]) -> list[SpeechEvent]:
        """The server sends this, in the words of its dialect."""
        text = json.dumps(event) if self.dialect is GA else beta_event(event)
        return self.protocol.receive_message(text) if text else []

    # The server's usual sentences.

    def begins(self, response: str) -> list[SpeechEvent]:
        """A reply is created."""
        return self.hears("response.created", response={"id": response, "status": "in_progress"})

    def ends(self, response: str, status: str = "completed", **fields: Any) -> list[SpeechEvent]:
        """A reply is done."""
        return self.hears("response.done", response={"id": response, "status": status, **fields})

    def adds(self, response: str, item: str) -> list[SpeechEvent]:
        """A reply gets a message."""
        return self.hears(
            "response.output_item.added", response_id=response, output_index=0, item=answer(item)
        )

    def speaks(self, response: str, item: str, ms: int, part: int = 0) -> list[SpeechEvent]:
        """A reply gets sound of that length."""
        return self.hears(
            "response.output_audio.delta",
            response_id=response,
            item_id=item,
            output_index=0,
            content_index=part,
            delta=base64.b64encode(bytes(48 * ms)).decode(),
        )

    def writes(self, response: str, item: str, text: str) -> list[SpeechEvent]:
        """A reply gets text."""
        return self.hears(
            "response.output_audio_transcript.delta",
            response_id=response,
            item_id=item,
            output_index=0,
            content_index=0,
            delta=text,
        )

    def fails(
        self, code: str | None, event_id: str | None = None, kind: str = "invalid_request_error"
    ) -> list[SpeechEvent]:
        """The server reports an error."""
        return self.hears(
            "error", error={"type": kind, "code": code, "message": "sorry", "event_id": event_id}
        )


def answer(item: str, text: str = "", status: str = "in_progress") -> dict[str, Any]:
    """Return an agent's message on the wire."""
    content = [{"type": "output_audio", "transcript": text}] if text else []
    return {"id": item, "type": "message", "role": "assistant", "status": status, "content": content}


def tool_call(item: str, status: str = "completed") -> dict[str, Any]:
    """Return a tool call on the wire."""
    return {
        "id": item,
        "type": "function_call",
        "status": status,
        "call_id": "call_1",
        "name": "transfer_to_max",
        "arguments": '{"a":1}',
    }


def caller_turn(item: str) -> dict[str, Any]:
    """Return a spoken turn on the wire."""
    return {
        "id": item,
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }
