"""What the vendor's types do not say of a client's frame, but its servers refuse: ranges, names, sound.

Source: the vendor's Realtime reference and its error messages. For WebSocket clients.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

MAX_APPEND_CHARS = 15 * 1024 * 1024
MAX_ID_CHARS = 32
MAX_OUTPUT_TOKENS = 4_096
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
METADATA_PAIRS, METADATA_KEY_CHARS, METADATA_VALUE_CHARS = 16, 64, 512

Frame = dict[str, Any]


def check_limits(frame: Frame) -> None:
    """Raise AssertionError naming the field of a client's event that a server would refuse."""
    check = CHECKS.get(frame["type"])
    if check is not None:
        check(frame)
    for path, value in _fields(frame, "$"):
        name = path.rpartition(".")[2]
        if name == "event_id":
            assert isinstance(value, str) and value, f"{path}: got {value!r}, want an id or no field"


def _fields(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield f"{path}.{name}", member
            yield from _fields(member, f"{path}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _fields(member, f"{path}[{index}]")


def _append(frame: Frame) -> None:
    audio = frame["audio"]
    assert 0 < len(audio) <= MAX_APPEND_CHARS, f"$.audio: got {len(audio)} characters"
    try:
        base64.b64decode(audio, validate=True)
    except ValueError as error:
        raise AssertionError(f"$.audio: {error}") from None


def _truncate(frame: Frame) -> None:
    assert frame["audio_end_ms"] >= 1, f"$.audio_end_ms: got {frame['audio_end_ms']}, want 1 or more"
    assert frame["content_index"] >= 0, f"$.content_index: got {frame['content_index']}"
    assert frame["item_id"], "$.item_id: got nothing"


def _create(frame: Frame) -> None:
    item = frame["item"]
    for name in ("id", "call_id"):
        value = item.get(name, "")
        assert len(value) <= MAX_ID_CHARS, f"$.item.{name}: got {len(value)} characters"
    for index, part in enumerate(item.get("content") or ()):
        assert part.get("type"), f"$.item.content[{index}]: got no type"
        assert part.get("text") or part.get("audio") or part.get("image_url"), (
            f"$.item.content[{index}]: it is empty"
        )
    if item["type"] == "function_call":
        assert TOOL_NAME.fullmatch(item["name"]), f"$.item.name: got {item['name']!r}"


def _update(frame: Frame) -> None:
    session = frame["session"]
    assert session["type"] == "realtime", f"$.session.type: got {session['type']!r}"
    _output(session, "$.session")
    audio = session.get("audio") or {}
    turns = (audio.get("input") or {}).get("turn_detection") or {}
    _between(turns.get("threshold"), 0.0, 1.0, "turn_detection.threshold")
    _between(turns.get("prefix_padding_ms"), 0, 60_000, "turn_detection.prefix_padding_ms")
    _between(turns.get("silence_duration_ms"), 1, 60_000, "turn_detection.silence_duration_ms")
    _between(turns.get("idle_timeout_ms"), 5_000, 30_000, "turn_detection.idle_timeout_ms")
    _between((audio.get("output") or {}).get("speed"), 0.25, 1.5, "audio.output.speed")


def _respond(frame: Frame) -> None:
    _output(frame.get("response") or {}, "$.response")


def _output(wanted: Frame, path: str) -> None:
    """Check what a session and a single response have in common."""
    modalities = wanted.get("output_modalities")
    assert modalities is None or len(modalities) == 1, f"{path}.output_modalities: got {modalities}, want one"
    tokens = wanted.get("max_output_tokens")
    if tokens != "inf":
        _between(tokens, 1, MAX_OUTPUT_TOKENS, f"{path}.max_output_tokens")
    for index, tool in enumerate(wanted.get("tools") or ()):
        if tool["type"] == "function":
            where = f"{path}.tools[{index}]"
            assert TOOL_NAME.fullmatch(tool.get("name") or ""), f"{where}.name: got {tool.get('name')!r}"
            assert isinstance(tool.get("parameters", {}), dict), f"{where}.parameters: want a JSON schema"
    metadata = wanted.get("metadata") or {}
    assert len(metadata) <= METADATA_PAIRS, f"{path}.metadata: got {len(metadata)} pairs"
    for key, value in metadata.items():
        assert len(key) <= METADATA_KEY_CHARS and len(value) <= METADATA_VALUE_CHARS, (
            f"{path}.metadata: {key!r} is too long"
        )


def _between(value: float | None, low: float, high: float, path: str) -> None:
    assert value is None or low <= value <= high, f"{path}: got {value}, want {low} to {high}"


def _webrtc_only(frame: Frame) -> None:
    raise AssertionError(f"{frame['type']}: it is for WebRTC and SIP")


CHECKS: dict[str, Callable[[Frame], None]] = {
    "input_audio_buffer.append": _append,
    "conversation.item.truncate": _truncate,
    "conversation.item.create": _create,
    "session.update": _update,
    "response.create": _respond,
    "output_audio_buffer.clear": _webrtc_only,
}
