"""The `[openai]` table of a profile: what is taken and what is refused."""

from __future__ import annotations

import pytest

from agentvoice.core.openai_settings import (
    Interruption,
    OpenAISettings,
    Truncation,
    TurnDetection,
    check_openai,
)
from agentvoice.errors import UsageError


def turns(**settings):
    return {"turn_detection": TurnDetection(**settings)}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"output": "text", "transcription_model": "", "transcription_language": "de"},
        {"speed": 0.25, "temperature": 0.6, "max_output_tokens": 4_096},
        {"speed": 1.5, "temperature": 1.2, "reasoning_effort": "xhigh", "reasoning_model": "never"},
        {"tool_choice": "end_call", "tracing": "auto", "noise_reduction": "far_field"},
        {"transcription_prompt": "ships", "transcription_delay": "minimal"},
        {"metadata": {"k" * 64: "v" * 512}},
        {"truncation": Truncation("retention_ratio", 1.0, 5_000)},
        {"interruption": Interruption(5_000, 10_000)},
        turns(kind="manual"),
        turns(kind="semantic_vad", eagerness="low"),
        turns(idle_timeout_ms=5_000),
    ],
)
def test_usable_settings_are_taken(settings):
    """The defaults and each setting at the edge of its range."""
    check_openai(OpenAISettings(**settings))


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"model": " "}, "model"),
        ({"voice": ""}, "voice"),
        ({"output": "both"}, "output"),
        ({"speed": 1.6}, "speed"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"reasoning_model": "maybe"}, "reasoning_model"),
        ({"max_output_tokens": 4_097}, "max_output_tokens"),
        ({"noise_reduction": "loud"}, "noise_reduction"),
        ({"tool_choice": "no such tool!"}, "tool_choice"),
        ({"tracing": "on"}, "tracing"),
        ({"temperature": 0.5}, "temperature"),
        ({"transcription_model": "x" * 81}, "transcription_model"),
        ({"transcription_language": "english"}, "transcription_language"),
        ({"transcription_prompt": "x" * 1_001}, "transcription_prompt"),
        ({"transcription_delay": "long"}, "transcription_delay"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"metadata": {"": "x"}}, "metadata: a key"),
        ({"metadata": {"topic": "x" * 513}}, "metadata.topic"),
        ({"truncation": Truncation("forget")}, "truncation.kind"),
        ({"truncation": Truncation(retention_ratio=1.1)}, "truncation.retention_ratio"),
        ({"truncation": Truncation(token_limit=-1)}, "truncation.token_limit"),
        ({"interruption": Interruption(min_speech_ms=5_001)}, "interruption.min_speech_ms"),
        ({"interruption": Interruption(resume_false_ms=-1)}, "interruption.resume_false_ms"),
        (turns(kind="guess"), "turn_detection.kind"),
        (turns(eagerness="very"), "turn_detection.eagerness"),
        (turns(threshold=1.1), "turn_detection.threshold"),
        (turns(prefix_padding_ms=-1), "turn_detection.prefix_padding_ms"),
        (turns(silence_ms=99), "turn_detection.silence_ms"),
        (turns(idle_timeout_ms=100), "turn_detection.idle_timeout_ms"),
    ],
)
def test_each_field_out_of_range_is_named(settings, field):
    """The error begins with the field's dotted name and says what is wanted."""
    with pytest.raises(UsageError, match=rf"^openai\.{field}: got .*, want ") as refused:
        check_openai(OpenAISettings(**settings))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("gpt-realtime", False),
        ("gpt-realtime-1.5", False),
        ("gpt-realtime-mini", False),
        ("gpt-realtime-2025-08-28", False),
        ("gpt-realtime-2", True),
        ("gpt-realtime-2.1-mini", True),
        ("gpt-realtime-3", True),
        ("gpt-4o-realtime-preview", False),
        ("my-own", False),
    ],
)
def test_the_model_name_tells_whether_it_reasons(model, reasons):
    """gpt-realtime-2 and later families reason; a release's year is no family; a setting overrides it."""
    assert OpenAISettings(model=model).takes_reasoning is reasons
    assert OpenAISettings(model=model, reasoning_model="always").takes_reasoning
    assert not OpenAISettings(model=model, reasoning_model="never").takes_reasoning


@pytest.mark.parametrize(
    ("settings", "facts"),
    [
        ({}, (False, False, True)),
        (turns(kind="manual"), (True, True, False)),
        (turns(create_response=False), (False, True, True)),
        (turns(interrupt_response=False), (False, False, False)),
        ({"interruption": Interruption(min_speech_ms=1)}, (False, True, False)),
        ({"interruption": Interruption(resume_false_ms=1)}, (False, True, False)),
    ],
)
def test_who_asks_and_who_interrupts_follows_from_the_settings(settings, facts):
    """is_manual, asks_for_replies, provider_interrupts."""
    openai = OpenAISettings(**settings)
    assert (openai.is_manual, openai.asks_for_replies, openai.provider_interrupts) == facts
