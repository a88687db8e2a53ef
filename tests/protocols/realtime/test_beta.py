"""The beta dialect: its session object and its names."""

from __future__ import annotations

import pytest

from agentvoice.core.openai_settings import TurnDetection
from agentvoice.core.speech import Configure
from agentvoice.protocols.realtime import beta, ga
from agentvoice.protocols.realtime.beta import BETA
from tests.fakes.beta_dialect import RENAMED, SESSION_FIELDS
from tests.fakes.realtime_agents import config_of
from tests.fakes.realtime_oracle import SERVER_TYPES
from tests.protocols.realtime.test_dialect import judged


def session_of(**openai):
    """The session object of an agent."""
    return judged(BETA, Configure(config_of(**openai)))["session"]


def test_the_session_is_sent_whole():
    """Flat, without a type, every field written."""
    session = session_of(output="audio", transcription_language="en", noise_reduction="near_field")
    assert set(session) == SESSION_FIELDS
    assert [tool["name"] for tool in session.pop("tools")] == ["transfer_to_max", "end_call", "current_time"]
    assert session == {
        "instructions": "You are Ada.",
        "modalities": ["audio", "text"],
        "voice": "marin",
        "speed": 1.0,
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_noise_reduction": {"type": "near_field"},
        "input_audio_transcription": {"model": "gpt-live-transcribe", "language": "en"},
        "turn_detection": {
            "type": "server_vad",
            "create_response": True,
            "interrupt_response": True,
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 500,
        },
        "temperature": 0.8,
        "max_response_output_tokens": "inf",
        "tracing": None,
        "tool_choice": "auto",
    }


def test_text_output_and_manual_turns():
    """Text alone is one modality, and a session without turn detection says null."""
    session = session_of(output="text", turn_detection=TurnDetection("manual"), max_output_tokens=7)
    assert session["modalities"] == ["text"]
    assert session["turn_detection"] is None
    assert session["max_response_output_tokens"] == 7


def test_its_header_is_its_own():
    """Only beta sends the vendor's beta header."""
    assert BETA.headers == {"OpenAI-Beta": "realtime=v1"}
    assert not ga.GA.headers


@pytest.mark.parametrize(("new", "old"), RENAMED.items())
def test_renamed_events_mean_the_same(new, old):
    """What GA acts on under a new name, beta acts on under the old one; the new name is unknown to it."""
    assert ga.SHAPES.get(new) is beta.SHAPES.get(old)
    assert (new in ga.NOTED) is (old in beta.NOTED)
    assert new not in beta.SHAPES | dict.fromkeys(beta.NOTED)


def test_no_name_of_beta_is_invented():
    """Each name is GA's, a renamed one, or one of the three that only beta has."""
    own = (set(beta.SHAPES) | beta.NOTED) - SERVER_TYPES - set(RENAMED.values())
    assert own == {"transcription_session.updated"}
