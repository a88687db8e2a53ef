"""Who ends the caller's turns, asks for replies and stops the agent: what a session leaves to us."""

from __future__ import annotations

from dataclasses import dataclass

from agentvoice.core.agent import ENGINE_OPENAI, AgentProfile


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """What the call does itself in a session.

    `is_manual`: the caller ends each turn. `asks_for_replies`: we ask for the reply to each turn.
    `provider_interrupts`: the provider stops its reply when the caller speaks; else speech
    interrupts if `speech_interrupts`, after `min_speech_ms` of it, and for good only if words come
    within `resume_false_ms` of its end. `silence_ms` and `padding_ms` are what the provider's turn
    detection counts to the speech after and before it.
    """

    is_manual: bool = False
    asks_for_replies: bool = False
    provider_interrupts: bool = False
    speech_interrupts: bool = True
    min_speech_ms: int = 0
    resume_false_ms: int = 0
    silence_ms: int = 0
    padding_ms: int = 0

    @property
    def judges_speech(self) -> bool:
        """Whether we judge which speech interrupts."""
        return bool(self.min_speech_ms or self.resume_false_ms)


WHOLE_ENGINE = TurnPolicy()
"""The session finds the turns and replies; all speech interrupts, and we cancel the reply."""


def turn_policy_of(agent: AgentProfile, engine: str) -> TurnPolicy:
    """Return what is left to us when `agent` speaks on `engine`."""
    if engine != ENGINE_OPENAI:
        return WHOLE_ENGINE
    settings = agent.openai
    turns, sensitivity = settings.turn_detection, settings.interruption
    if settings.is_manual:
        return TurnPolicy(is_manual=True, asks_for_replies=True)
    is_loudness = turns.kind == "server_vad"
    # Without a transcript no words ever come: nothing could tell a false interruption.
    has_words = bool(settings.transcription_model)
    return TurnPolicy(
        asks_for_replies=settings.asks_for_replies,
        provider_interrupts=settings.provider_interrupts,
        speech_interrupts=turns.interrupt_response,
        min_speech_ms=sensitivity.min_speech_ms,
        resume_false_ms=sensitivity.resume_false_ms if has_words else 0,
        silence_ms=turns.silence_ms if is_loudness else 0,
        padding_ms=turns.prefix_padding_ms if is_loudness else 0,
    )
