"""Frames between the daemon and its speech worker process.

A frame is its length (4 bytes, big endian) and that many bytes of MessagePack: one tagged struct.
Requests carry an `id` that their answers repeat; ids are unique for the life of a worker. Every
request but `Cancel` is answered by any number of pieces and then exactly one `Finished` or `Failed`,
also when it was cancelled.
"""

from __future__ import annotations

import struct
from typing import Generic, TypeVar

import msgspec

from agentvoice.errors import LocalProtocolError, RemoteProtocolError

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""Above any utterance: eight minutes at 16 kHz."""

_LENGTH = struct.Struct(">I")


class Load(msgspec.Struct, tag="load", frozen=True):
    """First frame: load these models, answered by `Ready`, or by `Failed` with id 0.

    `llm` is a GGUF file ("": none yet); other files are loaded when a `Reply` asks for them.
    `socket_dir` is a folder that nobody else may enter.
    """

    llm: str
    threads: int
    socket_dir: str


class Transcribe(msgspec.Struct, tag="transcribe", frozen=True):
    """Answered by one `Text` piece; `pcm16_16k` is a whole utterance."""

    id: int
    pcm16_16k: bytes


class Reply(msgspec.Struct, tag="reply", frozen=True):
    """Answered by `Text` pieces. `llm` is a GGUF file, `messages` are (role, content) pairs.

    With `max_tokens` 0 nothing is answered: the messages are only read into the prefix cache.
    """

    id: int
    llm: str
    messages: list[tuple[str, str]]
    max_tokens: int
    temperature: float


class Speak(msgspec.Struct, tag="speak", frozen=True):
    """Answered by `Sound` pieces."""

    id: int
    text: str
    voice: str


class Cancel(msgspec.Struct, tag="cancel", frozen=True):
    """Stop the request; unknown and finished ids are ignored."""

    id: int


class Ready(msgspec.Struct, tag="ready", frozen=True):
    """The models of `Load` are loaded."""

    pid: int


class Text(msgspec.Struct, tag="text", frozen=True):
    """A piece of text."""

    id: int
    text: str


class Sound(msgspec.Struct, tag="sound", frozen=True):
    """A piece of 24 kHz mono PCM16."""

    id: int
    pcm16_24k: bytes


class Finished(msgspec.Struct, tag="finished", frozen=True):
    """The request is over; `pieces` were sent, `was_cancelled` if `Cancel` ended it."""

    id: int
    pieces: int
    was_cancelled: bool = False


class Failed(msgspec.Struct, tag="failed", frozen=True):
    """The request failed; id 0: the models of `Load` could not be loaded."""

    id: int
    message: str


Request = Load | Transcribe | Reply | Speak | Cancel
Answer = Ready | Text | Sound | Finished | Failed

Frame = TypeVar("Frame")


def encode_frame(frame: Request | Answer) -> bytes:
    """Return the frame's bytes; raises LocalProtocolError when it is too long."""
    body = msgspec.msgpack.encode(frame)
    if len(body) > MAX_FRAME_BYTES:
        raise LocalProtocolError(
            f"{type(frame).__name__}: got a frame of {len(body)} bytes, want at most {MAX_FRAME_BYTES}"
        )
    return _LENGTH.pack(len(body)) + body


class FrameReader(Generic[Frame]):
    """Cuts a byte stream into frames; make it by `request_reader` or `answer_reader`."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[Frame]) -> None:
        self._decoder = decoder
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completes.

        Raises RemoteProtocolError for bytes that are no frame; the stream is unusable then.
        """
        self._buffer += data
        frames: list[Frame] = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            if length > MAX_FRAME_BYTES:
                raise RemoteProtocolError(f"worker frame: got {length} bytes, want at most {MAX_FRAME_BYTES}")
            end = start + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            frames.append(self._decode(bytes(self._buffer[start + _LENGTH.size : end])))
            start = end
        del self._buffer[:start]
        return frames

    def _decode(self, body: bytes) -> Frame:
        try:
            return self._decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise RemoteProtocolError(f"worker frame: {error}") from error


def request_reader() -> FrameReader[Request]:
    """Return the worker's reader."""
    return FrameReader(msgspec.msgpack.Decoder(Request))


def answer_reader() -> FrameReader[Answer]:
    """Return the daemon's reader."""
    return FrameReader(msgspec.msgpack.Decoder(Answer))
