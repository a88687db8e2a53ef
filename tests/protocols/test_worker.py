"""Frames between daemon and worker, however the pipe cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.errors import LocalProtocolError, RemoteProtocolError
from agentvoice.protocols.worker import (
    MAX_FRAME_BYTES,
    Answer,
    Cancel,
    Failed,
    Finished,
    Load,
    Ready,
    Reply,
    Request,
    Sound,
    Speak,
    Text,
    Transcribe,
    answer_reader,
    encode_frame,
    request_reader,
)

REQUESTS: list[Request] = [
    Load("/models/a.gguf", 2, "/tmp/sockets"),
    Transcribe(1, bytes(range(256)) * 8),
    Reply(2, "/models/a.gguf", [("system", "You are Ada."), ("user", "Grüß dich 🌊")], 40, 0.2),
    Speak(3, "Hello.", "hibari-low"),
    Cancel(2),
]
ANSWERS: list[Answer] = [
    Ready(77),
    Text(2, "Hel"),
    Sound(3, b"\x00\x01"),
    Finished(2, 1, True),
    Failed(0, "no model"),
]


@given(st.lists(st.integers(1, 400), max_size=40))
def test_requests_survive_any_cutting(sizes):
    """Whatever pieces the stream comes in, the same requests come out, in order."""
    stream, reader, got = b"".join(encode_frame(request) for request in REQUESTS), request_reader(), []
    for size in sizes:
        got += reader.feed(stream[:size])
        stream = stream[size:]
    assert got + reader.feed(stream) == REQUESTS


def test_answers_are_read_back():
    """Every kind of answer keeps its values."""
    assert answer_reader().feed(b"".join(encode_frame(answer) for answer in ANSWERS)) == ANSWERS


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00\x00\x01\xc1",  # a byte MessagePack never uses
        b"\x00\x00\x00\x01\x90",  # an array
        encode_frame(Ready(1)),  # an answer where requests are read
        b"\x7f\xff\xff\xff",  # a length above the limit
        b"Traceback (most recent call last):",
    ],
)
def test_what_is_no_request_is_refused(data):
    """Bytes that are no request raise at once, also a length nobody would send."""
    with pytest.raises(RemoteProtocolError, match="worker frame"):
        request_reader().feed(data)


def test_a_frame_above_the_limit_is_not_sent():
    """The error names the request and its size."""
    with pytest.raises(LocalProtocolError, match=r"Transcribe: got a frame of \d+ bytes"):
        encode_frame(Transcribe(1, bytes(MAX_FRAME_BYTES)))
