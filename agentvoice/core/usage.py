"""Reports of what calls used and cost: what they add up by, and their lines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class UsageGroup(StrEnum):
    """What a report adds up by. Days are UTC's."""

    DAY = "day"
    PROJECT = "project"
    AGENT = "agent"
    ENGINE = "engine"
    MODEL = "model"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """One line of a report: the sums of a day, project, agent, engine, model or call.

    `estimated_nano_usd` is the part of the cost that was estimated; prices were those of
    `priced_from` to `priced_until` (days, "" where nothing had a price).
    """

    name: str
    calls: int
    priced_from: str
    priced_until: str
    cost_nano_usd: int
    estimated_nano_usd: int
    input_text_tokens: int
    input_audio_tokens: int
    input_image_tokens: int
    input_cached_tokens: int
    output_text_tokens: int
    output_audio_tokens: int
    audio_ms: int
