"""What replies and transcriptions used, as the provider counts it (`response.usage`, `usage`).

A bill must be neither too small nor impossible, so figures that do not fit are brought into shape:

- tokens of the total that no modality names are text (reasoning; servers without details);
- cached tokens that no modality names are taken for text first, then audio, then image: a prompt's
  start is what is kept, and that is the instructions;
- no modality has more cached tokens than tokens, and nothing is negative.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from agentvoice.core.audio import MS_PER_S
from agentvoice.core.speech import UsageReported
from agentvoice.protocols.realtime.server_events import NO_DETAILS, CachedDetails, TokenDetails, WireUsage

NO_CACHED_DETAILS = CachedDetails()
Tokens = tuple[int, int, int]
"""Of text, audio and image."""


def reply_usage(response: str, model: str, usage: WireUsage) -> UsageReported:
    """Return a reply's usage; cached tokens are part of the input tokens."""
    spent = _tokens(usage.input_token_details, usage.input_tokens)
    cached = _cached(usage.input_token_details or NO_DETAILS, spent)
    made = _tokens(usage.output_token_details, usage.output_tokens)
    return UsageReported(
        response,
        model,
        input_text_tokens=spent[0],
        input_audio_tokens=spent[1],
        input_cached_tokens=sum(cached),
        output_text_tokens=made[0],
        output_audio_tokens=made[1],
        input_image_tokens=spent[2],
        input_cached_audio_tokens=cached[1],
        input_cached_image_tokens=cached[2],
    )


def transcription_usage(model: str, usage: WireUsage) -> UsageReported:
    """Return a transcription's usage: tokens or time, as its model is billed."""
    spent = _tokens(usage.input_token_details, usage.input_tokens)
    seconds = Decimal(str(usage.seconds or 0))
    return UsageReported(
        "",
        model,
        input_text_tokens=spent[0],
        input_audio_tokens=spent[1],
        output_text_tokens=_count(usage.output_tokens),
        audio_ms=max(0, int((seconds * MS_PER_S).to_integral_value(ROUND_HALF_UP))),
    )


def _count(tokens: int | None) -> int:
    return max(0, tokens or 0)


def _tokens(details: TokenDetails | None, total: int | None) -> Tokens:
    details = details or NO_DETAILS
    text, audio, image = (
        _count(tokens) for tokens in (details.text_tokens, details.audio_tokens, details.image_tokens)
    )
    return max(text, _count(total) - audio - image), audio, image


def _cached(details: TokenDetails, spent: Tokens) -> Tokens:
    named = details.cached_tokens_details or NO_CACHED_DETAILS
    counts = (_count(tokens) for tokens in (named.text_tokens, named.audio_tokens, named.image_tokens))
    cached = [min(count, room) for count, room in zip(counts, spent, strict=True)]
    unnamed = max(0, _count(details.cached_tokens) - sum(cached))
    for kind, room in enumerate(spent):
        more = min(unnamed, room - cached[kind])
        cached[kind] += more
        unnamed -= more
    return cached[0], cached[1], cached[2]
