"""The judge itself: it takes what a server takes, and refuses what is wrong at any depth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.realtime_oracle import CLIENT_TYPES, SERVER_TYPES, check_client_frame, check_server_frame

Frame = dict[str, Any]


def update(**session: Any) -> Frame:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def heard_by(**fields: Any) -> Frame:
    return update(audio={"input": fields})


def spoken_by(**fields: Any) -> Frame:
    return update(audio={"output": fields})


def create(**item: Any) -> Frame:
    return {"type": "conversation.item.create", "item": item}


def message(role: str, **part: Any) -> Frame:
    return create(type="message", role=role, content=[part])


def truncate(ms: Any, part: Any = 0) -> Frame:
    return {
        "type": "conversation.item.truncate",
        "item_id": "a",
        "content_index": part,
        "audio_end_ms": ms,
    }


def append(audio: Any) -> Frame:
    return {"type": "input_audio_buffer.append", "audio": audio}


def respond(**response: Any) -> Frame:
    return {"type": "response.create", "response": response}


RIGHT: dict[str, Frame] = {
    "empty update": update(),
    "server_vad": heard_by(
        turn_detection={"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500}
    ),
    "semantic_vad": heard_by(turn_detection={"type": "semantic_vad", "eagerness": "low"}),
    "manual": heard_by(turn_detection=None),
    "pcm": heard_by(format={"type": "audio/pcm", "rate": 24_000}),
    "mu-law": spoken_by(format={"type": "audio/pcmu"}),
    "custom voice": spoken_by(voice={"id": "voice_1"}, speed=1.2),
    "tool": update(
        tools=[{"type": "function", "name": "a", "parameters": {"type": "object", "any": {"x": 1}}}]
    ),
    "user": message("user", type="input_text", text="Hello"),
    "assistant": message("assistant", type="output_text", text="Hello"),
    "tool call": create(type="function_call", call_id="c", name="a", arguments="{}"),
    "tool result": create(type="function_call_output", call_id="c", output="{}"),
    "truncate": truncate(1),
    "append": append("AQI="),
    "respond": {"type": "response.create"},
    "respond once": respond(instructions="x", tool_choice="none", metadata={"a": "b"}),
    "cancel": {"type": "response.cancel", "response_id": "r"},
}

WRONG: dict[str, Frame] = {
    "unknown type": {"type": "response.stop"},
    "no type": {"event_id": "e"},
    "unknown field": {"type": "response.cancel", "response": "r"},
    "null event id": {"type": "response.cancel", "event_id": None},
    "no session": {"type": "session.update"},
    "no session type": {"type": "session.update", "session": {"instructions": "x"}},
    "other session type": {"type": "session.update", "session": {"type": "transcription"}},
    "beta modalities": update(modalities=["text"]),
    "beta voice": update(voice="marin"),
    "temperature": update(temperature=0.8),
    "both modalities": update(output_modalities=["audio", "text"]),
    "no tokens": update(max_output_tokens=0),
    "too many tokens": update(max_output_tokens=5_000),
    "tokens as text": update(max_output_tokens="100"),
    "beta format": heard_by(format="pcm16"),
    "other rate": heard_by(format={"type": "audio/pcm", "rate": 16_000}),
    "mu-law with a rate": heard_by(format={"type": "audio/pcmu", "rate": 8_000}),
    "vad without type": heard_by(turn_detection={"threshold": 0.5}),
    "vad of the other kind": heard_by(turn_detection={"type": "server_vad", "eagerness": "low"}),
    "semantic vad with a threshold": heard_by(turn_detection={"type": "semantic_vad", "threshold": 0.5}),
    "vad too high": heard_by(turn_detection={"type": "server_vad", "threshold": 1.5}),
    "idle too short": heard_by(turn_detection={"type": "server_vad", "idle_timeout_ms": 100}),
    "vad as text": heard_by(turn_detection={"type": "server_vad", "threshold": "0.5"}),
    "deep in transcription": heard_by(transcription={"model": "gpt-transcribe", "lang": "en"}),
    "noise": heard_by(noise_reduction={"type": "near"}),
    "too fast": spoken_by(speed=9),
    "deep in the voice": spoken_by(voice={"id": "voice_1", "name": "x"}),
    "deep in a tool": update(tools=[{"type": "function", "name": "a", "strict": True}]),
    "tool without name": update(tools=[{"type": "function"}]),
    "tool of a bad name": update(tools=[{"type": "function", "name": "hand over!"}]),
    "tool with a long name": update(tools=[{"type": "function", "name": "a" * 65}]),
    "parameters as text": update(tools=[{"type": "function", "name": "a", "parameters": "{}"}]),
    "deep in an MCP tool": update(
        tools=[{"type": "mcp", "server_label": "a", "require_approval": {"always": {"names": []}}}]
    ),
    "deep in a mapping": update(
        prompt={"id": "p", "variables": {"a": {"type": "input_text", "text": "x", "y": 1}}}
    ),
    "deep in tracing": update(tracing={"name": "x"}),
    "part without type": message("assistant", text="x"),
    "part of the other side": message("assistant", type="input_text", text="x"),
    "audio of an assistant": message("assistant", type="output_audio"),
    "empty part": message("user", type="input_text", text=""),
    "deep in a part": message("user", type="input_text", text="x", language="en"),
    "unknown role": message("agent", type="input_text", text="x"),
    "long id": create(type="function_call_output", id="x" * 33, call_id="c", output="{}"),
    "result without call": create(type="function_call_output", output="{}"),
    "result as an object": create(type="function_call_output", call_id="c", output={}),
    "truncate at 0": truncate(0),
    "truncate before 0": truncate(-1),
    "truncate at a fraction": truncate(1.5),
    "truncate at a float": truncate(1.0),
    "part before 0": truncate(1, -1),
    "part as text": truncate(1, "0"),
    "no base64": append("%%%"),
    "base64 cut off": append("AQI"),
    "empty append": append(""),
    "append too long": append("AAAA" * (4 * 1024 * 1024)),
    "response with both": respond(output_modalities=["audio", "text"]),
    "deep in a response": respond(audio={"output": {"rate": 1}}),
    "deep in its input": respond(
        input=[{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a", "b": 1}]}]
    ),
    "metadata too long": respond(metadata={"a": "x" * 513}),
    "metadata too many": respond(metadata={str(number): "x" for number in range(17)}),
    "metadata of a number": respond(metadata={"a": 1}),
    "webrtc": {"type": "output_audio_buffer.clear"},
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_frames_pass(name: str):
    """What a server takes is not refused."""
    check_client_frame(json.dumps(RIGHT[name]))
    check_client_frame(json.dumps({"event_id": "evt_1", **RIGHT[name]}))


@pytest.mark.parametrize("name", WRONG)
def test_wrong_frames_are_refused(name: str):
    """One thing is wrong, somewhere: the frame is refused."""
    with pytest.raises((ValueError, AssertionError)):
        check_client_frame(json.dumps(WRONG[name]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"type":"response.cancel","type":"response.cancel"}',
        '{"type":"session.update","session":{"type":"realtime","audio":{"output":{"speed":NaN}}}}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_json_is_refused(text: str | bytes):
    """Broken text, a field that comes twice, numbers that JSON does not have."""
    with pytest.raises((ValueError, AssertionError)):
        check_client_frame(text)


@pytest.mark.parametrize("name", RIGHT)
def test_a_field_of_our_own_is_found_wherever_it_is(name: str):
    """Every object inside every right frame gets a field that nobody knows: each is refused."""
    frame = RIGHT[name]
    for owner in objects(frame):
        owner["x_unknown"] = 1
        try:
            with pytest.raises((ValueError, AssertionError)):
                check_client_frame(json.dumps(frame))
        finally:
            del owner["x_unknown"]


def objects(value: Any) -> list[Frame]:
    """Every object in a frame but free ones: a tool's JSON schema and metadata may hold anything."""
    found: list[Frame] = []
    if isinstance(value, dict):
        found.append(value)
        for name, member in value.items():
            found += [] if name in ("parameters", "metadata") else objects(member)
    elif isinstance(value, list):
        for member in value:
            found += objects(member)
    return found


def test_servers_are_judged_too():
    """A server's event with a wrong field, a missing one or of an unknown type is refused."""
    check_server_frame('{"type":"input_audio_buffer.cleared","event_id":"e"}')
    for text in (
        '{"type":"input_audio_buffer.cleared","event_id":"e","x":1}',
        '{"type":"input_audio_buffer.cleared"}',
        '{"type":"response.cancelled","event_id":"e"}',
    ):
        with pytest.raises((ValueError, AssertionError)):
            check_server_frame(text)


def test_the_vendors_package_knows_the_events_that_we_do():
    """Eleven events of a client, forty-six of a server: a package that knows fewer judges less."""
    assert len(CLIENT_TYPES) >= 11
    assert len(SERVER_TYPES) >= 46
