"""What a session leaves to us, by agent and engine."""

from __future__ import annotations

import pytest

from agentvoice.core.agent import AgentProfile
from agentvoice.core.openai_settings import Interruption, OpenAISettings, TurnDetection
from agentvoice.core.turn_policy import WHOLE_ENGINE, TurnPolicy, turn_policy_of

SENSITIVE = Interruption(200, 800)


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        ({}, TurnPolicy(provider_interrupts=True, silence_ms=500, padding_ms=300)),
        ({"turn_detection": TurnDetection("manual")}, TurnPolicy(is_manual=True, asks_for_replies=True)),
        (
            {
                "turn_detection": TurnDetection(
                    "semantic_vad", create_response=False, interrupt_response=False
                )
            },
            TurnPolicy(asks_for_replies=True, speech_interrupts=False),
        ),
        (
            {"interruption": SENSITIVE},
            TurnPolicy(
                asks_for_replies=True, min_speech_ms=200, resume_false_ms=800, silence_ms=500, padding_ms=300
            ),
        ),
        (
            {"interruption": SENSITIVE, "transcription_model": ""},
            TurnPolicy(asks_for_replies=True, min_speech_ms=200, silence_ms=500, padding_ms=300),
        ),
    ],
)
def test_the_openai_engine_does_what_the_profile_says(settings, policy):
    """Without a transcript nothing is resumed: no words could tell a false interruption."""
    agent = AgentProfile("ada", "Ada", openai=OpenAISettings(**settings))
    assert turn_policy_of(agent, "openai") == policy
    assert policy.judges_speech is ("interruption" in settings)


def test_other_engines_find_the_turns_themselves():
    """The local engine knows none of these settings."""
    agent = AgentProfile("ada", "Ada", openai=OpenAISettings(interruption=SENSITIVE))
    assert turn_policy_of(agent, "local") is WHOLE_ENGINE
