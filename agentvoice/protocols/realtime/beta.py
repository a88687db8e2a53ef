"""The beta dialect of the Realtime API: the vendor shut it off; older compatible servers speak it.

Source: the vendor's Realtime beta reference. It differs from GA in a header, a flat session, and
the names of the output's events; an item is told by one `conversation.item.created`.
"""

from __future__ import annotations

from agentvoice.core.engine import SessionConfig
from agentvoice.core.openai_settings import OUTPUT_AUDIO
from agentvoice.protocols.realtime import server_events as se
from agentvoice.protocols.realtime import session_fields
from agentvoice.protocols.realtime.dialect import COMMON_NOTED, COMMON_SHAPES, Dialect, Wire
from agentvoice.protocols.realtime.tools import declare_tools

HEADERS = {"OpenAI-Beta": "realtime=v1"}
PCM_24K = "pcm16"

SHAPES: dict[str, type[se.ServerEvent]] = {
    **COMMON_SHAPES,
    "response.text.delta": se.OutputTextDelta,
    "response.audio_transcript.delta": se.OutputTextDelta,
    "response.audio.delta": se.OutputAudioDelta,
    "response.audio.done": se.OutputAudioDone,
}
"""The server events that we act on."""

NOTED = COMMON_NOTED | {
    "response.audio_transcript.done",
    "response.text.done",
    "transcription_session.updated",
}
"""The server events that repeat what others say, or are about what we do not use."""


def _session(config: SessionConfig) -> Wire:
    settings = config.agent.openai
    return {
        "instructions": config.instructions,
        "modalities": ["audio", "text"] if settings.output == OUTPUT_AUDIO else ["text"],
        "voice": settings.voice,
        "speed": settings.speed,
        "input_audio_format": PCM_24K,
        "output_audio_format": PCM_24K,
        "input_audio_noise_reduction": session_fields.noise_reduction(settings),
        "input_audio_transcription": session_fields.transcription(settings),
        "turn_detection": session_fields.turn_detection(settings),
        "temperature": settings.temperature,
        "max_response_output_tokens": session_fields.output_limit(settings),
        "tracing": session_fields.tracing(settings),
        "tools": declare_tools(config),
        "tool_choice": session_fields.tool_choice(settings),
    }


BETA = Dialect("beta", _session, "text", SHAPES, NOTED, HEADERS)
