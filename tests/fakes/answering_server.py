"""A Realtime server that hears numbered sound, answers what it heard, and breaks off when told.

A chunk of the caller's sound carries one number in all its samples: `turn * 16 + place`, 0 for
silence. The server takes sound for speech, silence after it for the turn's end, and the numbers it
heard for the words: a chunk that was lost or said twice shows in the transcript. It answers the
last thing the caller said, whether it was heard or replayed.
"""

from __future__ import annotations

import base64
import random
import struct
from typing import Any

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from tests.fakes.realtime_server import Link, ScriptedServer

CHUNK_MS = 20
PLACES = 16
ANSWER_MS = 40
FRAMES_BEFORE_A_BREAK = 40


def numbered(number: int) -> AudioChunk:
    """One chunk of the caller's sound."""
    return AudioChunk(CALL_FORMAT, struct.pack("<h", number) * (24 * CHUNK_MS))


def turn_sound(turn: int, length: int) -> list[AudioChunk]:
    """A turn of `length` chunks and the silence after it."""
    return [*(numbered(turn * PLACES + place) for place in range(length)), *[numbered(0)] * 3]


def words_of(numbers: list[int]) -> str:
    """What somebody who said these numbers has said."""
    return f"turn {numbers[0] // PLACES}: " + " ".join(str(number % PLACES) for number in numbers)


class BreakingOff:
    """When connections break: after a random count of frames, `count` times in all.

    The handshakes after a break are refused a few times, so that there is a gap to speak into.
    """

    def __init__(self, seed: int, count: int) -> None:
        self.done = 0
        self.server: ScriptedServer | None = None
        self._count = count
        self._random = random.Random(seed)

    def frames(self) -> int | None:
        """Frames until the next connection breaks, None when none breaks any more."""
        return self._random.randint(1, FRAMES_BEFORE_A_BREAK) if self.done < self._count else None

    def break_off(self, link: Link) -> None:
        """Cut a connection."""
        self.done += 1
        assert self.server is not None
        self.server.refusals = self._random.choice((0, 0, 1, 2))
        link.connection.transport.abort()

    @property
    def breaks_in_replay(self) -> bool:
        """Whether frames of the replay count too, now and then."""
        return self._random.random() < 0.1


class Answering:
    """The script of one connection."""

    def __init__(self, link: Link, breaking: BreakingOff) -> None:
        self._link = link
        self._breaking = breaking
        self._frames = breaking.frames()
        self._counts_replay = breaking.breaks_in_replay
        self._heard: list[int] = []
        self._last_said = ""
        self._ids = 0

    async def run(self) -> None:
        """Serve until the connection is gone."""
        await self._link.open_session()
        while not self._link.closed.is_set():
            event = await self._link.next_event()
            if event is None:
                break
            if event["type"] != "conversation.item.create" or self._counts_replay:
                self._count_frame()
            await self._take(event)

    def _count_frame(self) -> None:
        if self._frames is None:
            return
        self._frames -= 1
        if self._frames == 0:
            self._breaking.break_off(self._link)

    async def _emit(self, event: dict[str, Any]) -> None:
        self._count_frame()
        await self._link.emit(event)

    async def _take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "input_audio_buffer.append":
                await self._hear(struct.unpack_from("<h", base64.b64decode(event["audio"]))[0])
            case "conversation.item.create" if event["item"].get("role") == "user":
                self._last_said = event["item"]["content"][0]["text"]
            case "response.create":
                await self._answer()

    def _new_id(self, kind: str) -> str:
        self._ids += 1
        return f"{kind}_{self._ids}"

    async def _hear(self, number: int) -> None:
        if number:
            if not self._heard:
                await self._emit(
                    {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "x"}
                )
            self._heard.append(number)
        elif self._heard:
            heard, self._heard = self._heard, []
            await self._commit(words_of(heard))

    async def _commit(self, words: str) -> None:
        item = self._new_id("said")
        await self._emit({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 100, "item_id": item})
        await self._emit({"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": None})
        await self._emit(
            {
                "type": "conversation.item.input_audio_transcription.completed",
                "item_id": item,
                "content_index": 0,
                "transcript": words,
                "usage": {"type": "duration", "seconds": 0.1},
            }
        )
        self._last_said = words
        await self._answer()

    async def _answer(self) -> None:
        response, item, text = self._new_id("resp"), self._new_id("item"), f"You said {self._last_said}"
        place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        message = {"id": item, "object": "realtime.item", "type": "message", "role": "assistant"}
        begun = {**message, "status": "in_progress", "content": []}
        whole = {**message, "status": "completed", "content": [{"type": "output_audio", "transcript": text}]}
        state = {"object": "realtime.response", "id": response}
        await self._emit({"type": "response.created", "response": {**state, "status": "in_progress"}})
        added = {"response_id": response, "output_index": 0}
        await self._emit({"type": "response.output_item.added", **added, "item": begun})
        sound = base64.b64encode(bytes(CALL_FORMAT.bytes_of(ANSWER_MS))).decode()
        for word in text.split(" "):
            delta = f"{word} "
            await self._emit({"type": "response.output_audio_transcript.delta", **place, "delta": delta})
            await self._emit({"type": "response.output_audio.delta", **place, "delta": sound})
        await self._emit({"type": "response.output_item.done", **added, "item": whole})
        finished = {**state, "status": "completed", "output": [whole]}
        await self._emit({"type": "response.done", "response": finished})
