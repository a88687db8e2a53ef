"""What replies and transcriptions used, as the provider counts it (`response.usage`, `usage`)."""

from __future__ import annotations

from agentvoice.core.audio import MS_PER_S
from agentvoice.core.speech import UsageReported
from agentvoice.protocols.realtime.server_events import NO_DETAILS, WireUsage


def reply_usage(response: str, model: str, usage: WireUsage) -> UsageReported:
    """Return a reply's usage; cached tokens are part of the input tokens."""
    spent = usage.input_token_details or NO_DETAILS
    made = usage.output_token_details or NO_DETAILS
    return UsageReported(
        response,
        model,
        input_text_tokens=spent.text_tokens or 0,
        input_audio_tokens=spent.audio_tokens or 0,
        input_cached_tokens=spent.cached_tokens or 0,
        output_text_tokens=made.text_tokens or 0,
        output_audio_tokens=made.audio_tokens or 0,
    )


def transcription_usage(model: str, usage: WireUsage) -> UsageReported:
    """Return a transcription's usage: tokens or time, as its model is billed."""
    spent = usage.input_token_details or NO_DETAILS
    return UsageReported(
        "",
        model,
        input_text_tokens=spent.text_tokens or 0,
        input_audio_tokens=spent.audio_tokens or 0,
        output_text_tokens=usage.output_tokens or 0,
        audio_ms=round((usage.seconds or 0) * MS_PER_S),
    )
