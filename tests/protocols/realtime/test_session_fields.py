"""The fields that both dialects write alike."""

from __future__ import annotations

import pytest

from agentvoice.core.openai_settings import OpenAISettings, TurnDetection
from agentvoice.protocols.realtime import session_fields


@pytest.mark.parametrize(
    ("field", "settings", "wire"),
    [
        ("transcription", {"transcription_model": ""}, None),
        (
            "transcription",
            {"transcription_model": "gpt-realtime-whisper", "transcription_delay": "low"},
            {"model": "gpt-realtime-whisper", "delay": "low"},
        ),
        (
            "transcription",
            {"transcription_prompt": "ships", "transcription_language": "en"},
            {"model": "gpt-live-transcribe", "language": "en", "prompt": "ships"},
        ),
        ("turn_detection", {"turn_detection": TurnDetection("manual")}, None),
        ("noise_reduction", {}, None),
        ("noise_reduction", {"noise_reduction": "far_field"}, {"type": "far_field"}),
        ("output_limit", {}, "inf"),
        ("output_limit", {"max_output_tokens": 4_096}, 4_096),
        ("tool_choice", {"tool_choice": "none"}, "none"),
        ("tool_choice", {"tool_choice": "note"}, {"type": "function", "name": "note"}),
        ("tracing", {}, None),
        ("tracing", {"tracing": "auto"}, "auto"),
    ],
)
def test_each_field_is_written_from_its_setting(field, settings, wire):
    """A setting at its default is written too, as null or as the default."""
    assert getattr(session_fields, field)(OpenAISettings(**settings)) == wire


def test_only_the_fields_of_its_kind_are_sent():
    """server_vad has no eagerness, semantic_vad no threshold; idle time only when it is set."""
    loud = session_fields.turn_detection(OpenAISettings(turn_detection=TurnDetection(idle_timeout_ms=6_000)))
    wise = session_fields.turn_detection(OpenAISettings(turn_detection=TurnDetection("semantic_vad")))
    assert loud is not None and loud["idle_timeout_ms"] == 6_000 and "eagerness" not in loud
    assert wise is not None and wise["eagerness"] == "auto" and "threshold" not in wise
