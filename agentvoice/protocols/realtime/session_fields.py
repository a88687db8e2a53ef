"""The fields of a session object that the dialects write alike, in whatever place.

Every field is always written: one that is left out would keep the last agent's value.
"""

from __future__ import annotations

from agentvoice.core.openai_settings import (
    NOISE_REDUCTION_OFF,
    TOOL_CHOICES,
    OpenAISettings,
)

Wire = dict[str, object]


def transcription(settings: OpenAISettings) -> Wire | None:
    """Return what writes down the caller's words, None for nothing."""
    if not settings.transcription_model:
        return None
    hints = {
        "language": settings.transcription_language,
        "prompt": settings.transcription_prompt,
        "delay": settings.transcription_delay,
    }
    return {"model": settings.transcription_model, **{name: hint for name, hint in hints.items() if hint}}


def turn_detection(settings: OpenAISettings) -> Wire | None:
    """Return who finds the turns, None for the caller."""
    turns = settings.turn_detection
    if settings.is_manual:
        return None
    replies: Wire = {
        "type": turns.kind,
        "create_response": not settings.asks_for_replies,
        "interrupt_response": settings.provider_interrupts,
    }
    if turns.kind == "semantic_vad":
        return {**replies, "eagerness": turns.eagerness}
    loudness: Wire = {
        "threshold": turns.threshold,
        "prefix_padding_ms": turns.prefix_padding_ms,
        "silence_duration_ms": turns.silence_ms,
    }
    if turns.idle_timeout_ms:
        loudness["idle_timeout_ms"] = turns.idle_timeout_ms
    return {**replies, **loudness}


def noise_reduction(settings: OpenAISettings) -> Wire | None:
    """Return the filter of the caller's sound, None for none."""
    kind = settings.noise_reduction
    return None if kind == NOISE_REDUCTION_OFF else {"type": kind}


def output_limit(settings: OpenAISettings) -> int | str:
    """Return the most tokens of a reply."""
    return settings.max_output_tokens or "inf"


def tool_choice(settings: OpenAISettings) -> str | Wire:
    """Return which tools the model may or must call."""
    name = settings.tool_choice
    return name if name in TOOL_CHOICES else {"type": "function", "name": name}


def tracing(settings: OpenAISettings) -> str | None:
    """Return whether the provider keeps traces, None for no."""
    return None if settings.tracing == "off" else settings.tracing
