"""The provider's usual sentences, over a scripted server's link: turns, replies, sound, tools, harm.

`async with provider() as made:` listens; `await made.session()` gives the next session that a
client has opened, and the test speaks for the provider from there. Everything said is judged by
the oracle but what `raw`, `in_pieces` and `dripped` send.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from websockets.frames import Frame, Opcode

from tests.fakes.realtime_server import Link, ScriptedServer

PATIENCE_S = 5.0
SAMPLE = b"\x01\x00"
BYTES_PER_MS = 48


def answer(item: str, text: str = "", status: str = "in_progress") -> dict[str, Any]:
    """Return an agent's message as the provider shows it."""
    content = [{"type": "output_audio", "transcript": text}] if text else []
    return {"id": item, "type": "message", "role": "assistant", "status": status, "content": content}


def tool_call(item: str, name: str, call: str, arguments: str = "{}") -> dict[str, Any]:
    """Return a finished tool call as the provider shows it."""
    return {
        "id": item,
        "type": "function_call",
        "status": "completed",
        "call_id": call,
        "name": name,
        "arguments": arguments,
    }


def usage(text_in: int = 10, audio_in: int = 20, text_out: int = 5, audio_out: int = 40) -> dict[str, Any]:
    """Return what a reply used."""
    return {
        "total_tokens": text_in + audio_in + text_out + audio_out,
        "input_tokens": text_in + audio_in,
        "output_tokens": text_out + audio_out,
        "input_token_details": {"text_tokens": text_in, "audio_tokens": audio_in, "cached_tokens": 0},
        "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
    }


class ProviderSession:
    """The provider's side of one session."""

    def __init__(self, link: Link, config: dict[str, Any]) -> None:
        self.link = link
        self.config = config
        """The session object that the client configured it with."""

    # What the client sent.

    def sent(self, *types: str) -> list[dict[str, Any]]:
        """Every event of the client so far, of these types if any are named."""
        return [event for event in self.link.received if not types or event["type"] in types]

    @property
    def types(self) -> list[str]:
        """The types of what the client sent after its configuration, sound left out."""
        names = [event["type"] for event in self.link.received[1:]]
        return [name for name in names if name != "input_audio_buffer.append"]

    async def next(self, name: str) -> dict[str, Any]:
        """Return the client's next event that is not sound; it must be of this type."""
        while True:
            event = await self.link.expect_any()
            if event["type"] != "input_audio_buffer.append" or name == event["type"]:
                assert event["type"] == name, f"got {event['type']}, want {name}"
                return event

    # The caller's turns.

    async def speech_started(self, at_ms: int = 0, item: str = "u1") -> None:
        """The provider hears the caller begin."""
        await self.say("input_audio_buffer.speech_started", audio_start_ms=at_ms, item_id=item)

    async def speech_stopped(self, at_ms: int = 0, item: str = "u1") -> None:
        """The provider hears the caller stop."""
        await self.say("input_audio_buffer.speech_stopped", audio_end_ms=at_ms, item_id=item)

    async def committed(self, item: str, previous: str | None = None) -> None:
        """The caller's turn becomes an item."""
        await self.say("input_audio_buffer.committed", item_id=item, previous_item_id=previous)

    async def words(self, item: str, text: str) -> None:
        """Some of what the caller said."""
        name = "conversation.item.input_audio_transcription.delta"
        await self.say(name, item_id=item, content_index=0, delta=text)

    async def transcript(self, item: str, text: str, seconds: float = 1.0) -> None:
        """What the caller said, final."""
        name = "conversation.item.input_audio_transcription.completed"
        used = {"type": "duration", "seconds": seconds}
        await self.say(name, item_id=item, content_index=0, transcript=text, usage=used)

    async def transcript_failed(self, item: str) -> None:
        """What the caller said cannot be written down."""
        name = "conversation.item.input_audio_transcription.failed"
        await self.say(name, item_id=item, content_index=0, error={"code": "audio_unintelligible"})

    async def turn(self, item: str, text: str, previous: str | None = None) -> None:
        """A whole spoken turn."""
        await self.speech_started(item=item)
        await self.speech_stopped(item=item)
        await self.committed(item, previous)
        await self.transcript(item, text)

    # Replies.

    async def begins(self, response: str) -> None:
        """A reply is created."""
        await self.say("response.created", response={"id": response, "status": "in_progress"})

    async def adds(self, response: str, item: str, index: int = 0) -> None:
        """A reply gets a message."""
        await self.say(
            "response.output_item.added", response_id=response, output_index=index, item=answer(item)
        )

    async def writes(self, response: str, item: str, text: str, part: int = 0) -> None:
        """A reply gets text of what it speaks."""
        await self._part("response.output_audio_transcript.delta", response, item, part, delta=text)

    async def speaks(self, response: str, item: str, ms: int, part: int = 0) -> None:
        """A reply gets this much sound."""
        sound = base64.b64encode(SAMPLE * (BYTES_PER_MS // 2 * ms)).decode()
        await self._part("response.output_audio.delta", response, item, part, delta=sound)

    async def has_spoken(self, response: str, item: str, part: int = 0) -> None:
        """All sound of a part was sent."""
        await self._part("response.output_audio.done", response, item, part)

    async def finishes(self, response: str, item: dict[str, Any], index: int = 0) -> None:
        """An item of a reply is done."""
        await self.say("response.output_item.done", response_id=response, output_index=index, item=item)

    async def ends(self, response: str, status: str = "completed", **fields: Any) -> None:
        """A reply is over."""
        await self.say("response.done", response={"id": response, "status": status, **fields})

    async def speaks_on(self, response: str, text: str, ms: int, item: str = "") -> str:
        """A reply that goes on: one item with text and sound so far; returns the item."""
        item = item or f"item_{response}"
        await self.begins(response)
        await self.adds(response, item)
        await self.writes(response, item, text)
        await self.speaks(response, item, ms)
        return item

    async def replies(self, response: str, text: str, ms: int, **fields: Any) -> str:
        """A whole reply of one item; returns the item."""
        item = await self.speaks_on(response, text, ms)
        await self.has_spoken(response, item)
        await self.finishes(response, answer(item, text, "completed"))
        await self.ends(response, **{"usage": usage()} | fields)
        return item

    async def calls_tool(self, response: str, name: str, call: str = "call_1", arguments: str = "{}") -> None:
        """A whole reply that is one tool call."""
        await self.begins(response)
        wanted = tool_call(f"item_{response}", name, call, arguments)
        await self.finishes(response, wanted)
        await self.ends(response, output=[wanted])

    async def fails(
        self, code: str, *, event_id: str | None = None, kind: str = "invalid_request_error"
    ) -> None:
        """Report an error."""
        await self.say("error", error={"type": kind, "code": code, "message": "sorry", "event_id": event_id})

    # How it is said.

    async def say(self, name: str, **fields: Any) -> None:
        """Send a valid event."""
        await self.link.emit({"type": name, **fields})

    async def _part(self, name: str, response: str, item: str, part: int, **fields: Any) -> None:
        place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": part}
        await self.say(name, **place, **fields)

    async def raw(self, *frames: str | bytes) -> None:
        """Send anything; bytes go as a binary frame."""
        for frame in frames:
            await self.link.emit_raw(frame)

    async def in_pieces(self, event: dict[str, Any], size: int) -> None:
        """Send one event as a fragmented message of pieces of `size` characters."""
        text = json.dumps(event)
        await self.link.connection.send(text[at : at + size] for at in range(0, len(text), size))

    async def dripped(self, event: dict[str, Any]) -> None:
        """Send one event byte by byte, each in a packet of its own."""
        connection = self.link.connection
        frame = Frame(Opcode.TEXT, json.dumps(event).encode())
        for byte in frame.serialize(mask=False):
            connection.transport.write(bytes([byte]))
            await asyncio.sleep(0)

    async def closes(self, code: int = 1011, reason: str = "gone") -> None:
        """Close the session with this code."""
        await self.link.connection.close(code, reason)

    def breaks(self) -> None:
        """Break the connection without a close frame."""
        self.link.connection.transport.abort()


class Provider:
    """A scripted server whose sessions the test drives."""

    def __init__(self) -> None:
        self.sessions: list[ProviderSession] = []
        self._opened: asyncio.Queue[ProviderSession] = asyncio.Queue()
        self._server = ScriptedServer(self._serve)

    async def _serve(self, link: Link) -> None:
        number = len(self.sessions) + 1
        try:
            config = await link.open_session(f"sess_{number}")
        except TimeoutError:
            if link.closed.is_set():
                return  # it only looked whether somebody answers, as `serve` does when it starts
            raise
        session = ProviderSession(link, config)
        self.sessions.append(session)
        self._opened.put_nowait(session)

    async def session(self) -> ProviderSession:
        """Return the next session that was opened."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._opened.get()

    @property
    def url(self) -> str:
        """Where a client connects to."""
        return self._server.url

    def refuse(self, status: int, error: dict[str, Any]) -> None:
        """Refuse the handshakes to come, with this error object."""
        self._server.status = status
        self._server.body = json.dumps({"error": error}).encode()

    def take(self) -> None:
        """Take the handshakes to come."""
        self._server.status = 101

    @property
    def refused(self) -> int:
        """How many handshakes were refused."""
        return self._server.refused


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """Run a provider on a free loopback port."""
    made = Provider()
    async with made._server:
        yield made


def types_of(events: Iterable[dict[str, Any]]) -> list[str]:
    """Return the types of events."""
    return [event["type"] for event in events]
