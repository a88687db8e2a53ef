"""Both ends of bridged calls: a Realtime provider and its callers, in one process of their own.

Each caller sends 20 ms frames (PCM16, 24 kHz) in real time and reports what it has played. After
every 6 s of sound the provider takes the turn and answers with 4.8 s of sound in 100 ms deltas at
twice real time, with transcripts and all the bookkeeping events of the real one. Because both ends
share a clock, the way of the first sound of an answer is measured without one being sent along.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from agentvoice.adapters.system_clock import SystemClock

CLOCK = SystemClock()
FRAME_MS = 20
FRAME_BYTES = 960
TURN_FRAMES = 300
ANSWER_DELTAS = 48
DELTA_BYTES = 4_800
DELTA_EVERY_S = 0.05
REPORT_FRAMES = 5
SAMPLES_PER_MS = 24
STAGGER_S = 6.0
"""Callers begin spread over one turn, so that answers do not come all at once."""


@dataclass
class Tally:
    """What was measured; `first_sound_ms` only while `is_counting`."""

    is_counting: bool = False
    sent_at_s: dict[int, float] = field(default_factory=dict)
    first_sound_ms: list[float] = field(default_factory=list)
    frames_up: int = 0
    bytes_down: int = 0


class Provider:
    """Answers each session every six seconds. Its sound names the answer in its first two samples."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._answers = 0

    async def serve(self, connection: ServerConnection) -> None:
        """Serve one session until its client goes."""
        with suppress(ConnectionClosed):
            await self._serve(connection)

    async def _serve(self, connection: ServerConnection) -> None:
        frames = turns = 0
        answering: set[asyncio.Task[None]] = set()
        await _say(connection, "session.created", session={"id": "s", "type": "realtime"})
        async for frame in connection:
            kind = _kind_of(frame)
            if kind != "input_audio_buffer.append":
                if kind == "session.update":
                    await _say(connection, "session.updated", session={"id": "s", "type": "realtime"})
                continue
            self._tally.frames_up += 1
            frames += 1
            if frames % TURN_FRAMES == 0:
                turns += 1
                task = asyncio.create_task(self._answer(connection, turns))
                answering.add(task)
                task.add_done_callback(answering.discard)

    async def _answer(self, connection: ServerConnection, turn: int) -> None:
        self._answers += 1
        number, said, item, response = self._answers, f"u{turn}", f"i{turn}", f"r{turn}"
        with suppress(ConnectionClosed):
            await _say(connection, "input_audio_buffer.speech_started", audio_start_ms=0, item_id=said)
            await _say(connection, "input_audio_buffer.speech_stopped", audio_end_ms=9, item_id=said)
            await _say(connection, "input_audio_buffer.committed", item_id=said)
            user = {"id": said, "type": "message", "role": "user", "status": "completed", "content": []}
            await _say(connection, "conversation.item.added", item=user)
            await _say(connection, "conversation.item.done", item=user)
            await _say(connection, "response.created", response={"id": response, "status": "in_progress"})
            await self._speak(connection, number, item, response)
            await _say(
                connection,
                "conversation.item.input_audio_transcription.completed",
                item_id=said,
                transcript="And what then?",
            )

    async def _speak(self, connection: ServerConnection, number: int, item: str, response: str) -> None:
        whole: dict[str, Any] = {"id": item, "type": "message", "role": "assistant", "status": "completed"}
        place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        of_response = {"response_id": response, "output_index": 0}
        await _say(connection, "response.output_item.added", **of_response, item={**whole, "content": []})
        await _say(connection, "conversation.item.added", item={**whole, "content": []})
        await _say(connection, "response.content_part.added", **place, part={"type": "audio"})
        first = struct.pack("<hh", number % 30_000 + 1, 0) + bytes(DELTA_BYTES - 4)
        rest = base64.b64encode(bytes(DELTA_BYTES)).decode()
        due_s = CLOCK.monotonic_s()
        for delta in range(ANSWER_DELTAS):
            sound = rest if delta else base64.b64encode(first).decode()
            if delta == 0 and self._tally.is_counting:
                self._tally.sent_at_s[number % 30_000 + 1] = time.perf_counter()
            await _say(connection, "response.output_audio.delta", **place, delta=sound)
            if delta % 4 == 0:
                await _say(connection, "response.output_audio_transcript.delta", **place, delta="word ")
            due_s += DELTA_EVERY_S
            await CLOCK.sleep_until(due_s)
        done = {**whole, "content": [{"type": "output_audio", "transcript": "word " * 12}]}
        await _say(connection, "response.output_audio.done", **place)
        await _say(connection, "response.output_audio_transcript.done", **place, transcript="word " * 12)
        await _say(connection, "response.content_part.done", **place, part={"type": "audio"})
        await _say(connection, "response.output_item.done", **of_response, item=done)
        await _say(connection, "conversation.item.done", item=done)
        usage = {"input_token_details": {"audio_tokens": 60}, "output_token_details": {"audio_tokens": 96}}
        finished = {"id": response, "status": "completed", "output": [done], "usage": usage}
        await _say(connection, "response.done", response=finished)


def _kind_of(frame: str | bytes) -> str:
    """Return the type of a client event; it is the first field, or else the frame is decoded."""
    text = frame if isinstance(frame, str) else frame.decode()
    if text.startswith('{"type":"input_audio_buffer.append"') or text.startswith(
        '{"type": "input_audio_buffer.append"'
    ):
        return "input_audio_buffer.append"
    return str(json.loads(text)["type"])


async def _say(connection: ServerConnection, kind: str, **fields: Any) -> None:
    await connection.send(json.dumps({"type": kind, "event_id": "e", **fields}))


class Caller:
    """One caller; `start` is its first frame, "" for a pump that wants none."""

    def __init__(self, tally: Tally, start: str) -> None:
        self._tally = tally
        self._start = start
        self._received = 0  # samples
        self._played = 0

    async def call(self, connection: ClientConnection) -> None:
        """Talk until cancelled."""
        if self._start:
            await connection.send(self._start)
        reading = asyncio.create_task(self._read(connection))
        try:
            await self._talk(connection)
        finally:
            reading.cancel()

    async def _talk(self, connection: ClientConnection) -> None:
        sound, due_s, count = bytes(FRAME_BYTES), CLOCK.monotonic_s(), 0
        while True:
            await connection.send(sound)
            count += 1
            self._played = min(self._received, self._played + FRAME_MS * SAMPLES_PER_MS)
            if self._start and count % REPORT_FRAMES == 0:
                await connection.send(f'{{"type":"played","samples":{self._played}}}')
            due_s += FRAME_MS / 1_000
            await CLOCK.sleep_until(due_s)

    async def _read(self, connection: ClientConnection) -> None:
        async for frame in connection:
            if isinstance(frame, str):
                if frame.startswith('{"type":"clear"'):
                    self._received = self._played
                    await connection.send(f'{{"type":"cleared","samples":{self._played}}}')
                continue
            self._received += len(frame) // 2
            self._tally.bytes_down += len(frame)
            (number,) = struct.unpack_from("<h", frame)
            if number and (sent_at_s := self._tally.sent_at_s.pop(number, None)) is not None:
                self._tally.first_sound_ms.append((time.perf_counter() - sent_at_s) * 1_000)


async def main() -> None:
    """Serve; then, for each order on standard input (JSON), call and answer with what was measured."""
    tally = Tally()
    async with serve(Provider(tally).serve, "127.0.0.1", 0, compression=None, max_size=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            order = json.loads(line)
            async with asyncio.TaskGroup() as group:
                callers = [
                    group.create_task(_call_after(order, tally, number)) for number in range(order["calls"])
                ]
                await _wait(order["warm_s"])
                tally.first_sound_ms.clear()
                tally.frames_up = tally.bytes_down = 0
                tally.is_counting = True
                print("counting", flush=True)
                await _wait(order["count_s"])
                tally.is_counting = False
                answer = {
                    "first_sound_ms": tally.first_sound_ms,
                    "frames_up": tally.frames_up,
                    "bytes_down": tally.bytes_down,
                }
                print(json.dumps(answer), flush=True)
                for caller in callers:
                    caller.cancel()


async def _wait(seconds: float) -> None:
    await CLOCK.sleep_until(CLOCK.monotonic_s() + seconds)


async def _call_after(order: dict[str, Any], tally: Tally, number: int) -> None:
    await _wait(STAGGER_S * number / order["calls"])
    caller = Caller(tally, order["start"])
    if order["path"]:
        async with unix_connect(order["path"], "ws://daemon/call", compression=None) as connection:
            await caller.call(connection)
    else:
        async with connect(order["url"], compression=None) as connection:
            await caller.call(connection)


if __name__ == "__main__":
    asyncio.run(main())
