"""What a use of an engine costs, in whole nano-dollars.

All prices are integers: nano-dollars per million tokens or per minute. A cost is added up exactly
and rounded once, half up, to a nano-dollar; so equal usages cost the same, and sums are exact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from agentvoice.core.speech import UsageReported
from agentvoice.errors import UsageError

NANO_PER_USD = 1_000_000_000
MILLION = 1_000_000
MS_PER_MINUTE = 60_000

CALLER_MS_PER_TOKEN = 100
AGENT_MS_PER_TOKEN = 50
"""How long a token of audio lasts, as the provider counts the caller's and its own sound."""

_USD = re.compile(r"\d{1,7}(\.\d{1,9})?", re.ASCII)
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class TokenRate:
    """Nano-dollars per million tokens of one modality. `cached`: the part of the input kept before."""

    input: int = 0
    cached: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """A model that is billed by tokens."""

    text: TokenRate = TokenRate()
    audio: TokenRate = TokenRate()
    image: TokenRate = TokenRate()


@dataclass(frozen=True, slots=True)
class MinutePrice:
    """A model that is billed by the minute of sound, to the millisecond; in nano-dollars."""

    per_minute: int


ModelPrice = TokenPrice | MinutePrice


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by model, as they were on the day `as_of` (ISO date)."""

    as_of: str
    models: Mapping[str, ModelPrice]

    def price_of(self, model: str) -> ModelPrice | None:
        """Return a model's price; a dated snapshot costs what its model does. None: not known."""
        return self.models.get(model) or self.models.get(_SNAPSHOT.sub("", model))


@dataclass(frozen=True, slots=True)
class Cost:
    """What one use cost. `priced_as_of`: the price table's day, "" where no price was used."""

    nano_usd: int = 0
    priced_as_of: str = ""
    is_estimate: bool = False


FREE = Cost()


def nano_usd_of(usd: str | float) -> int:
    """Return dollars as nano-dollars; a float counts as it is written (0.06 is six cents)."""
    return int((Decimal(str(usd)) * NANO_PER_USD).to_integral_value())


def read_usd(field_name: str, text: str) -> int:
    """Return an amount in USD as nano-dollars. Raises UsageError naming the field."""
    if not _USD.fullmatch(text):
        raise UsageError(f"{field_name}: got {text[:80]!r}, want USD such as 12.50")
    return nano_usd_of(text)


def usd_text(nano_usd: int) -> str:
    """Return nano-dollars as an exact decimal string with at least two decimals: `0.0235192`."""
    sign = "-" if nano_usd < 0 else ""
    dollars, rest = divmod(abs(nano_usd), NANO_PER_USD)
    decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{dollars}.{decimals}"


def exact_cost(used: UsageReported, price: ModelPrice) -> int:
    """Return what `used` costs at `price`, in nano-dollars; cached tokens are part of the input."""
    if isinstance(price, MinutePrice):
        return _half_up(used.audio_ms * price.per_minute, MS_PER_MINUTE)
    cached_text = used.input_cached_tokens - used.input_cached_audio_tokens - used.input_cached_image_tokens
    billed = (
        _input(price.text, used.input_text_tokens, cached_text)
        + _input(price.audio, used.input_audio_tokens, used.input_cached_audio_tokens)
        + _input(price.image, used.input_image_tokens, used.input_cached_image_tokens)
        + used.output_text_tokens * price.text.output
        + used.output_audio_tokens * price.audio.output
    )
    return _half_up(billed, MILLION)


def _input(rate: TokenRate, tokens: int, cached: int) -> int:
    return (tokens - cached) * rate.input + cached * rate.cached


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def audio_ms_of(used: UsageReported) -> int:
    """Return how much sound a use was about: as reported, else as its new tokens of audio say."""
    if used.audio_ms:
        return used.audio_ms
    heard = used.input_audio_tokens - used.input_cached_audio_tokens
    return heard * CALLER_MS_PER_TOKEN + used.output_audio_tokens * AGENT_MS_PER_TOKEN


def estimated_cost(audio_ms: int, per_minute: int) -> int:
    """Return the flat estimate for a model without a price: minutes of sound, begun ones counted whole.

    Any use is at least a minute: a model that reports no sound is not taken for free.
    """
    return max(1, -(-audio_ms // MS_PER_MINUTE)) * per_minute
