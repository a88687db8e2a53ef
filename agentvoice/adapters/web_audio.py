"""The caller leg at the daemon's end of a call socket (page, or terminal over the control socket).

The other end plays the sound and reports what was played; this end only passes frames on, in
order, from one bounded queue. A client that stops reading until the queue is full is hung up on:
sound of an answer is never dropped, and nothing grows without bound. A client that sends faster than
its pace allows (core.caller_pace) loses sound, then its call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import structlog
from aiohttp import WSMessage, WSMsgType, web

from agentvoice.core.audio import AudioChunk
from agentvoice.core.caller_pace import SOUND_RULE, CallerPace
from agentvoice.core.leg import CallerAudio, CallerAudioDropped, CallUpdate, HungUp, LegEvent
from agentvoice.core.ports import Clock
from agentvoice.errors import RemoteProtocolError, TooManyRequests, UsageError
from agentvoice.protocols import callpage

log = structlog.get_logger(__name__)

MAX_QUEUED_BYTES = 32 * 1024 * 1024
"""About eleven minutes of sound: longer than any answer, small enough to keep."""

BAD_FRAME = UsageError.exit_code
"""What a client is told whose frame breaks the format."""


class SocketLeg:
    """A caller leg over an open WebSocket; `transport` is what the client says it is.

    The socket leaves pings to us, so that they are counted. `abort` breaks the connection: a closing
    handshake would wait behind sound that nobody reads. `pace` limits what the client sends; None: it
    may send what it likes.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: str,
        abort: Callable[[], None],
        clock: Clock,
        pace: CallerPace | None = None,
    ) -> None:
        self.is_too_fast = False
        """Whether the client lost its call by what it sent."""
        self._socket = socket
        self._transport = transport
        self._abort = abort
        self._clock = clock
        self._pace = pace
        self._outgoing: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._queued_bytes = 0
        self._is_closed = False
        self._writer = asyncio.get_running_loop().create_task(self._write(), name="call socket writer")

    @property
    def transport(self) -> str:
        """What the client says it is: `wav`, `text`, `device` or `page`."""
        return self._transport

    async def events(self) -> AsyncIterator[LegEvent]:
        """Yield what the client sends; a frame that breaks the format is answered and survived.

        A socket that closes without `hang_up` ends without HungUp; one that sends too fast has hung up.
        """
        async for message in self._socket:
            try:
                event = self._event_of(message)
            except TooManyRequests as error:
                self.is_too_fast = True
                self._refuse(str(error), error.exit_code)
                yield HungUp()
                return
            if event is not None:
                yield event
            elif message.type is WSMsgType.PING:
                with suppress(ConnectionError):  # the client is gone: the next read says so
                    await self._socket.pong(message.data)

    def _event_of(self, message: WSMessage) -> LegEvent | None:
        try:
            if message.type is WSMsgType.BINARY:
                return self._hear(callpage.decode_caller_sound(message.data))
            if message.type is not WSMsgType.TEXT:
                self._count(None)
                return None
            frame = callpage.decode_client_frame(message.data)
            event = callpage.leg_event(frame)
        except RemoteProtocolError as error:
            self._refuse(str(error), BAD_FRAME)
            self._count(None)
            return None
        self._count(frame)
        return event

    def _hear(self, chunk: AudioChunk) -> LegEvent:
        pace = self._pace
        if pace is None or pace.may_hear(chunk.duration_ms, self._clock.monotonic_s()):
            return CallerAudio(chunk)
        if pace.dropped_ms == chunk.duration_ms:  # the first: it is told once
            self._refuse(
                f"call socket: got sound beyond {SOUND_RULE}, want it in real time: what is beyond is dropped",
                TooManyRequests.exit_code,
            )
        return CallerAudioDropped(chunk.duration_ms)

    def _count(self, frame: callpage.ClientFrame | None) -> None:
        """Count a frame; None is one that breaks the format, or a ping."""
        if self._pace is None:
            return
        now_s = self._clock.monotonic_s()
        if isinstance(frame, callpage.Report):
            self._pace.report(now_s)
        else:
            self._pace.press(now_s, len(frame.text) if isinstance(frame, callpage.Text) else 0)

    def _refuse(self, message: str, exit_code: int) -> None:
        log.warning("call_socket_frame", error=message)
        self.send(callpage.Refused(message=message, exit_code=exit_code))

    def play(self, chunk: AudioChunk) -> None:
        """Send sound at once."""
        self._put(chunk.samples)

    def clear_output(self) -> None:
        """Tell the client to drop its unplayed sound; what we had not sent yet is dropped too."""
        kept = [frame for frame in self._drain() if isinstance(frame, str)]
        for frame in kept:
            self._put(frame)
        self._put(callpage.encode_frame(callpage.Clear()))

    def _drain(self) -> list[str | bytes]:
        frames: list[str | bytes] = []
        while not self._outgoing.empty():
            frame = self._outgoing.get_nowait()
            if frame is not None:
                self._queued_bytes -= len(frame)
                frames.append(frame)
        return frames

    def show(self, update: CallUpdate) -> None:
        """Send an update."""
        self.send(callpage.daemon_frame(update))

    def send(self, frame: callpage.DaemonFrame) -> None:
        """Send a control frame."""
        self._put(callpage.encode_frame(frame))

    def _put(self, frame: str | bytes) -> None:
        if self._is_closed:
            return
        self._queued_bytes += len(frame)
        if self._queued_bytes > MAX_QUEUED_BYTES:
            log.warning("call_socket_stalled", queued_bytes=self._queued_bytes)
            self.abort()
            return
        self._outgoing.put_nowait(frame)

    def abort(self) -> None:
        """Break the connection: nothing more is sent."""
        self._is_closed = True
        self._writer.cancel()
        self._abort()

    async def _write(self) -> None:
        try:
            while (frame := await self._outgoing.get()) is not None:
                self._queued_bytes -= len(frame)
                if isinstance(frame, bytes):
                    await self._socket.send_bytes(frame)
                else:
                    await self._socket.send_str(frame)
        except ConnectionError:
            self._is_closed = True  # the reader sees the same and hangs up

    async def close(self) -> None:
        """Flush what is queued, then take no more; the socket stays open for the last word."""
        if not self._is_closed:
            self._is_closed = True
            self._outgoing.put_nowait(None)
        await asyncio.gather(self._writer, return_exceptions=True)
