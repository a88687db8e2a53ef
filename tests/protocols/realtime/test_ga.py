"""The GA dialect: its session object and its names, judged by the vendor's types."""

from __future__ import annotations

import pytest

from agentvoice.core.openai_settings import Interruption, Truncation, TurnDetection
from agentvoice.core.speech import Configure
from agentvoice.protocols.realtime.ga import GA, NOTED, SHAPES
from tests.fakes.realtime_agents import config_of
from tests.fakes.realtime_oracle import SERVER_TYPES
from tests.protocols.realtime.test_dialect import judged


def session_of(now=None, **openai):
    """The session object of an agent."""
    return judged(GA, Configure(config_of(**openai)), now=now)["session"]


def test_the_table_names_every_server_event_of_the_vendor_and_no_other():
    """The dialect knows exactly the server events of the official package."""
    assert set(SHAPES) | NOTED == SERVER_TYPES
    assert not set(SHAPES) & NOTED


def test_the_session_is_sent_whole():
    """session.update carries every field we set, formats included, so that a switch leaves nothing behind."""
    session = session_of(output="audio", transcription_language="en")
    tools = session.pop("tools")
    assert session == {
        "type": "realtime",
        "instructions": "You are Ada.",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "noise_reduction": None,
                "transcription": {"model": "gpt-live-transcribe", "language": "en"},
                "turn_detection": {
                    "type": "server_vad",
                    "create_response": True,
                    "interrupt_response": True,
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin", "speed": 1.0},
        },
        "max_output_tokens": "inf",
        "truncation": "auto",
        "tracing": None,
        "tool_choice": "auto",
    }
    assert [tool["name"] for tool in tools] == ["transfer_to_max", "end_call", "current_time"]


@pytest.mark.parametrize(
    ("turns", "wire"),
    [
        (TurnDetection("manual"), None),
        (
            TurnDetection("semantic_vad", eagerness="high", interrupt_response=False),
            {
                "type": "semantic_vad",
                "create_response": True,
                "interrupt_response": False,
                "eagerness": "high",
            },
        ),
    ],
)
def test_turn_detection_is_sent_as_set(turns, wire):
    """Manual turns are null on the wire; semantic turns carry only what they know."""
    session = session_of(turn_detection=turns)
    assert session["audio"]["input"]["turn_detection"] == wire


def test_idle_time_a_custom_voice_and_no_transcription_are_sent_as_set():
    """The rarer settings reach the wire in the vendor's shape."""
    turns = TurnDetection(idle_timeout_ms=6_000)
    audio = session_of(voice="voice_1234", transcription_model="", turn_detection=turns)["audio"]
    assert audio["input"]["turn_detection"]["idle_timeout_ms"] == 6_000
    assert audio["input"]["transcription"] is None
    assert audio["output"]["voice"] == {"id": "voice_1234"}


@pytest.mark.parametrize(
    ("settings", "wire"),
    [
        ({"max_output_tokens": 200}, {"max_output_tokens": 200}),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        ({"tracing": "auto"}, {"tracing": "auto"}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        ({"tool_choice": "end_call"}, {"tool_choice": {"type": "function", "name": "end_call"}}),
        ({"truncation": Truncation("disabled")}, {"truncation": "disabled"}),
        (
            {"truncation": Truncation("retention_ratio", 0.5, 5_000)},
            {
                "truncation": {
                    "type": "retention_ratio",
                    "retention_ratio": 0.5,
                    "token_limits": {"post_instructions": 5_000},
                }
            },
        ),
        (
            {"truncation": Truncation("retention_ratio", 0.5)},
            {"truncation": {"type": "retention_ratio", "retention_ratio": 0.5}},
        ),
    ],
)
def test_settings_stand_where_the_vendor_wants_them(settings, wire):
    """Each setting of a profile is one field of the session."""
    session = session_of(**settings)
    assert {name: session[name] for name in wire} == wire


def test_noise_reduction_and_speed_stand_in_the_audio():
    """They are nested fields in GA."""
    audio = session_of(noise_reduction="far_field", speed=1.25)["audio"]
    assert audio["input"]["noise_reduction"] == {"type": "far_field"}
    assert audio["output"]["speed"] == 1.25


def test_reasoning_goes_only_to_models_that_take_it():
    """An older model would refuse the whole session for the field; a switch clears it."""
    assert "reasoning" not in session_of(model="gpt-realtime", reasoning_effort="low")
    assert "reasoning" not in session_of()
    assert session_of(now=config_of(reasoning_effort="low"))["reasoning"] is None


def test_temperature_is_beta_only():
    """GA has no such field."""
    assert "temperature" not in session_of(temperature=1.1)


def test_our_own_interruptions_take_them_from_the_provider():
    """Any sensitivity setting sends interrupt_response: false."""
    session = session_of(interruption=Interruption(resume_false_ms=800))
    assert session["audio"]["input"]["turn_detection"]["interrupt_response"] is False
