"""What an agent is on the OpenAI Realtime engine: the `[openai]` table of its profile.

The docstring under each setting is its line in docs/reference/agent-profile.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from agentvoice.core.limits import check_choice, check_length, check_range
from agentvoice.errors import UsageError

MAX_WORD_CHARS = 80  # of a model's or a voice's name
MAX_PROMPT_CHARS = 1_000
MAX_OUTPUT_TOKENS = 4_096
MAX_CONTEXT_TOKENS = 1_000_000  # larger than any model's context: a slip of the finger, not a limit
MAX_METADATA = 16
MAX_METADATA_KEY_CHARS = 64
MAX_METADATA_VALUE_CHARS = 512

OUTPUT_AUDIO = "audio"
OUTPUTS = (OUTPUT_AUDIO, "text")
TURN_DETECTION_MANUAL = "manual"
TURN_DETECTIONS = ("server_vad", "semantic_vad", TURN_DETECTION_MANUAL)
EAGERNESS = ("low", "medium", "high", "auto")
REASONING_EFFORTS = ("", "minimal", "low", "medium", "high", "xhigh")
REASONING_MODELS = ("auto", "always", "never")
NOISE_REDUCTION_OFF = "off"
NOISE_REDUCTIONS = (NOISE_REDUCTION_OFF, "near_field", "far_field")
TRUNCATION_RATIO = "retention_ratio"
TRUNCATIONS = ("auto", "disabled", TRUNCATION_RATIO)
TOOL_CHOICES = ("auto", "none", "required")
TRACINGS = ("off", "auto")
TRANSCRIPTION_DELAYS = ("", "minimal", "low", "medium", "high", "xhigh")

LANGUAGE = re.compile(r"[a-z]{2}")
TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
REASONING_FAMILY = re.compile(r"gpt-realtime-(\d+)")
FIRST_REASONING_FAMILY = 2


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """Who finds the caller's turns."""

    kind: str = "server_vad"
    """`server_vad` goes by loudness, `semantic_vad` by meaning; `manual`: the caller ends each turn."""
    threshold: float = 0.5
    """server_vad: how loud speech must be, 0 to 1."""
    prefix_padding_ms: int = 300
    """server_vad: sound before the speech that belongs to the turn."""
    silence_ms: int = 500
    """server_vad: silence that ends a turn."""
    idle_timeout_ms: int = 0
    """server_vad: silence after which the provider speaks up by itself, 5,000 to 30,000; 0: never."""
    eagerness: str = "auto"
    """semantic_vad: how soon a turn counts as over: `low`, `medium`, `high` or `auto`."""
    create_response: bool = True
    """The provider replies to each turn by itself; false: we ask for the reply when the turn is over."""
    interrupt_response: bool = True
    """The caller's speech interrupts the agent; false: it does not (a button and typed turns still do)."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """How easily the caller's speech interrupts the agent. When any is set, we decide and not the provider."""

    min_speech_ms: int = 0
    """Speech shorter than this does not interrupt, up to 5,000; 0: all speech does."""
    resume_false_ms: int = 0
    """An interrupted answer waits this long for words of the caller and goes on where it was cut when
    there are none, up to 10,000; 0: it is cut at once."""

    @property
    def is_ours(self) -> bool:
        """Whether we decide what interrupts."""
        return bool(self.min_speech_ms or self.resume_false_ms)


@dataclass(frozen=True, slots=True)
class Truncation:
    """What the provider forgets when a conversation outgrows the model's context."""

    kind: str = "auto"
    """`auto`, `disabled` (the call fails instead) or `retention_ratio`."""
    retention_ratio: float = 0.8
    """retention_ratio: the share of the conversation that is kept, 0 to 1."""
    token_limit: int = 0
    """retention_ratio: tokens after the instructions at which it forgets; 0: the model's own limit."""


@dataclass(frozen=True, slots=True)
class OpenAISettings:
    """The agent on the OpenAI Realtime engine."""

    model: str = "gpt-realtime-2.1"
    """The model; one session has one."""
    voice: str = "marin"
    """A voice's name, or the id of a custom voice (`voice_…`)."""
    output: str = OUTPUT_AUDIO
    """`audio` or `text`: the session's one output modality."""
    speed: float = 1.0
    """How fast it speaks, 0.25 to 1.5."""
    reasoning_effort: str = ""
    """`minimal`, `low`, `medium`, `high` or `xhigh`; empty: the model's own. Only models that reason get it."""
    reasoning_model: str = "auto"
    """Whether the model reasons: `auto` goes by its name (gpt-realtime-2 and later), else `always` or `never`."""
    max_output_tokens: int = 0
    """Tokens that one reply may have, 1 to 4,096; 0: no limit of ours."""
    noise_reduction: str = NOISE_REDUCTION_OFF
    """`near_field` (headset), `far_field` (a microphone in the room) or `off`."""
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of the one tool that each reply must call."""
    tracing: str = "off"
    """`auto`: the provider keeps traces of the sessions; `off`."""
    temperature: float = 0.8
    """Beta dialect only: 0.6 to 1.2."""
    transcription_model: str = "gpt-live-transcribe"
    """Writes down what the caller says; empty: the caller's turns have no text."""
    transcription_language: str = ""
    """ISO 639-1; empty: the provider finds out."""
    transcription_prompt: str = ""
    """Words that guide the transcription, for models that take a prompt."""
    transcription_delay: str = ""
    """gpt-realtime-whisper: how long it waits for certainty: `minimal` to `xhigh`; empty: its own."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Up to 16 texts that the provider keeps with each reply (keys of 64, values of 512 characters)."""
    truncation: Truncation = field(default_factory=Truncation)
    turn_detection: TurnDetection = field(default_factory=TurnDetection)
    interruption: Interruption = field(default_factory=Interruption)

    @property
    def takes_reasoning(self) -> bool:
        """Whether the model takes a reasoning effort."""
        if self.reasoning_model != "auto":
            return self.reasoning_model == "always"
        family = REASONING_FAMILY.match(self.model)
        return family is not None and FIRST_REASONING_FAMILY <= int(family[1]) < 1_000  # no year of a release

    @property
    def is_manual(self) -> bool:
        """Whether the caller ends each turn."""
        return self.turn_detection.kind == TURN_DETECTION_MANUAL

    @property
    def asks_for_replies(self) -> bool:
        """Whether the provider waits to be asked for a reply after each turn.

        Where we judge what interrupts, we also know which speech wants a reply.
        """
        return self.is_manual or not self.turn_detection.create_response or self.interruption.is_ours

    @property
    def provider_interrupts(self) -> bool:
        """Whether the provider itself stops its reply when the caller speaks."""
        return not self.is_manual and self.turn_detection.interrupt_response and not self.interruption.is_ours


def check_openai(openai: OpenAISettings) -> None:
    """Raise UsageError naming the first setting of the OpenAI engine that is out of its range."""
    check_length("openai.model", openai.model.strip(), 1, MAX_WORD_CHARS)
    check_length("openai.voice", openai.voice.strip(), 1, MAX_WORD_CHARS)
    check_choice("openai.output", openai.output, OUTPUTS)
    check_range("openai.speed", openai.speed, 0.25, 1.5)
    check_choice("openai.reasoning_effort", openai.reasoning_effort, REASONING_EFFORTS)
    check_choice("openai.reasoning_model", openai.reasoning_model, REASONING_MODELS)
    check_range("openai.max_output_tokens", openai.max_output_tokens, 0, MAX_OUTPUT_TOKENS)
    check_choice("openai.noise_reduction", openai.noise_reduction, NOISE_REDUCTIONS)
    if not TOOL_NAME.fullmatch(openai.tool_choice):
        wanted = f"{', '.join(TOOL_CHOICES)} or the name of a tool"
        raise UsageError(f"openai.tool_choice: got {openai.tool_choice!r}, want {wanted}")
    check_choice("openai.tracing", openai.tracing, TRACINGS)
    check_range("openai.temperature", openai.temperature, 0.6, 1.2)
    _check_transcription(openai)
    _check_metadata(openai.metadata)
    _check_truncation(openai.truncation)
    _check_turns(openai.turn_detection, openai.interruption)


def _check_transcription(openai: OpenAISettings) -> None:
    check_length("openai.transcription_model", openai.transcription_model, 0, MAX_WORD_CHARS)
    language = openai.transcription_language
    if language and not LANGUAGE.fullmatch(language):
        raise UsageError(f"openai.transcription_language: got {language!r}, want two letters (ISO 639-1)")
    check_length("openai.transcription_prompt", openai.transcription_prompt, 0, MAX_PROMPT_CHARS)
    check_choice("openai.transcription_delay", openai.transcription_delay, TRANSCRIPTION_DELAYS)


def _check_metadata(metadata: Mapping[str, str]) -> None:
    if len(metadata) > MAX_METADATA:
        raise UsageError(f"openai.metadata: got {len(metadata)} keys, want {MAX_METADATA} at most")
    for key, value in metadata.items():
        check_length("openai.metadata: a key", key, 1, MAX_METADATA_KEY_CHARS)
        check_length(f"openai.metadata.{key}", value, 0, MAX_METADATA_VALUE_CHARS)


def _check_truncation(truncation: Truncation) -> None:
    check_choice("openai.truncation.kind", truncation.kind, TRUNCATIONS)
    check_range("openai.truncation.retention_ratio", truncation.retention_ratio, 0.0, 1.0)
    check_range("openai.truncation.token_limit", truncation.token_limit, 0, MAX_CONTEXT_TOKENS)


def _check_turns(turns: TurnDetection, interruption: Interruption) -> None:
    check_choice("openai.turn_detection.kind", turns.kind, TURN_DETECTIONS)
    check_choice("openai.turn_detection.eagerness", turns.eagerness, EAGERNESS)
    check_range("openai.turn_detection.threshold", turns.threshold, 0.0, 1.0)
    check_range("openai.turn_detection.prefix_padding_ms", turns.prefix_padding_ms, 0, 2_000)
    check_range("openai.turn_detection.silence_ms", turns.silence_ms, 100, 5_000)
    if turns.idle_timeout_ms:
        check_range("openai.turn_detection.idle_timeout_ms", turns.idle_timeout_ms, 5_000, 30_000)
    check_range("openai.interruption.min_speech_ms", interruption.min_speech_ms, 0, 5_000)
    check_range("openai.interruption.resume_false_ms", interruption.resume_false_ms, 0, 10_000)
