"""The beta dialect beside GA: what a GA server says in beta's words, and a judge of a client's beta frames.

The vendor's package has types for GA only. A beta frame is held to an exact list of fields, then
turned into its GA twin, which the vendor's types judge. Written after the vendor's beta reference.
"""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.realtime_oracle import check_client_frame

RENAMED = {
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "conversation.item.added": "conversation.item.created",
}
ABSENT = {"conversation.item.done"}
CONTENT = {"output_text": "text", "output_audio": "audio"}

SESSION_FIELDS = {
    "instructions", "modalities", "voice", "speed", "input_audio_format", "output_audio_format",
    "input_audio_noise_reduction", "input_audio_transcription", "turn_detection", "temperature",
    "max_response_output_tokens", "tracing", "tools", "tool_choice",
}  # fmt: skip


def beta_event(event: dict[str, Any]) -> str | None:
    """Return a GA server event as a beta server says it, None if it says nothing."""
    if event["type"] in ABSENT:
        return None
    return json.dumps(_renamed({**event, "type": RENAMED.get(event["type"], event["type"])}))


def _renamed(value: Any) -> Any:
    if isinstance(value, list):
        return [_renamed(part) for part in value]
    if not isinstance(value, dict):
        return value
    parts = {name: _renamed(part) for name, part in value.items()}
    if parts.get("type") in CONTENT:
        parts["type"] = CONTENT[parts["type"]]
    return parts


def check_beta_frame(text: str) -> None:
    """Raise (ValidationError or AssertionError) unless a beta client may send this."""
    event = json.loads(text)
    if event["type"] == "session.update":
        event["session"] = _ga_session(event["session"])
    for part in event.get("item", {}).get("content", ()):
        assert part["type"] in ("text", "input_text"), part
        if part["type"] == "text":
            part["type"] = "output_text"
    check_client_frame(json.dumps(event))


def _ga_session(beta: dict[str, Any]) -> dict[str, Any]:
    assert set(beta) <= SESSION_FIELDS, set(beta) - SESSION_FIELDS
    assert beta["modalities"] in (["text"], ["audio", "text"])
    assert beta["input_audio_format"] == beta["output_audio_format"] == "pcm16"
    assert 0.6 <= beta["temperature"] <= 1.2
    pcm = {"type": "audio/pcm", "rate": 24_000}
    kept: dict[str, Any] = {
        name: beta[name] for name in ("instructions", "tools", "tool_choice", "tracing") if name in beta
    }
    return {
        "type": "realtime",
        **kept,
        "output_modalities": [beta["modalities"][0]],
        "max_output_tokens": beta["max_response_output_tokens"],
        "audio": {
            "input": {
                "format": pcm,
                "noise_reduction": beta["input_audio_noise_reduction"],
                "transcription": beta["input_audio_transcription"],
                "turn_detection": beta["turn_detection"],
            },
            "output": {"format": pcm, "voice": beta["voice"], "speed": beta["speed"]},
        },
    }
