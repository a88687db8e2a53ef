"""The GA dialect of the Realtime API: the vendor's own, and the default.

Source: the vendor's Realtime reference (client events, server events, session object).
"""

from __future__ import annotations

from agentvoice.core.audio import CALL_FORMAT
from agentvoice.core.engine import SessionConfig
from agentvoice.core.openai_settings import TRUNCATION_RATIO, OpenAISettings, Truncation
from agentvoice.protocols.realtime import server_events as se
from agentvoice.protocols.realtime import session_fields
from agentvoice.protocols.realtime.dialect import COMMON_NOTED, COMMON_SHAPES, Dialect, Wire
from agentvoice.protocols.realtime.tools import declare_tools

PCM_24K = {"type": "audio/pcm", "rate": CALL_FORMAT.rate_hz}
CUSTOM_VOICE_PREFIX = "voice_"

SHAPES: dict[str, type[se.ServerEvent]] = {
    **COMMON_SHAPES,
    "conversation.item.added": se.ItemPlaced,
    "conversation.item.done": se.ItemSettled,
    "mcp_list_tools.failed": se.McpListingFailed,
    "response.output_text.delta": se.OutputTextDelta,
    "response.output_audio_transcript.delta": se.OutputTextDelta,
    "response.output_audio.delta": se.OutputAudioDelta,
    "response.output_audio.done": se.OutputAudioDone,
}
"""The server events that we act on."""

NOTED = COMMON_NOTED | {
    "conversation.item.input_audio_transcription.segment",
    "input_audio_buffer.dtmf_event_received",
    "input_audio_buffer.timeout_triggered",
    "mcp_list_tools.completed",
    "mcp_list_tools.in_progress",
    "response.mcp_call.completed",
    "response.mcp_call.failed",
    "response.mcp_call.in_progress",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
    "response.output_audio_transcript.done",
    "response.output_text.done",
}
"""The server events that repeat what others say, or are about what we do not use."""


def _session(config: SessionConfig) -> Wire:
    settings = config.agent.openai
    session: Wire = {
        "type": "realtime",
        "instructions": config.instructions,
        "output_modalities": [settings.output],
        "audio": {
            "input": {
                "format": PCM_24K,
                "noise_reduction": session_fields.noise_reduction(settings),
                "transcription": session_fields.transcription(settings),
                "turn_detection": session_fields.turn_detection(settings),
            },
            "output": {"format": PCM_24K, "voice": _voice(settings.voice), "speed": settings.speed},
        },
        "max_output_tokens": session_fields.output_limit(settings),
        "truncation": _truncation(settings.truncation),
        "tracing": session_fields.tracing(settings),
        "tools": declare_tools(config),
        "tool_choice": session_fields.tool_choice(settings),
    }
    return session | _reasoning(settings)


def _voice(voice: str) -> str | Wire:
    return {"id": voice} if voice.startswith(CUSTOM_VOICE_PREFIX) else voice


def _reasoning(settings: OpenAISettings) -> Wire:
    """Only models that reason know the field; others refuse the session for it."""
    effort = settings.reasoning_effort
    return {"reasoning": {"effort": effort}} if effort and settings.takes_reasoning else {}


def _truncation(truncation: Truncation) -> str | Wire:
    if truncation.kind != TRUNCATION_RATIO:
        return truncation.kind
    wire: Wire = {"type": TRUNCATION_RATIO, "retention_ratio": truncation.retention_ratio}
    if truncation.token_limit:
        wire["token_limits"] = {"post_instructions": truncation.token_limit}
    return wire


GA = Dialect("ga", _session, "output_text", SHAPES, NOTED)
