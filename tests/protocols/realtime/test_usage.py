import msgspec
import pytest

from agentvoice.core.speech import UsageReported
from agentvoice.protocols.realtime.server_events import WireUsage
from agentvoice.protocols.realtime.usage import reply_usage, transcription_usage


def usage(**fields):
    return msgspec.convert(fields, WireUsage)


def test_a_reply_s_tokens_are_told_by_modality():
    """Cached tokens stay part of the input tokens, as the provider counts them."""
    kept = {"text_tokens": 1_344, "audio_tokens": 64}
    spent = {"text_tokens": 1_349, "audio_tokens": 110, "cached_tokens": 1_408, "cached_tokens_details": kept}
    made = {"text_tokens": 97, "audio_tokens": 299}
    told = reply_usage(
        "resp_1", "gpt-realtime-2", usage(input_token_details=spent, output_token_details=made)
    )
    assert told == UsageReported(
        "resp_1", "gpt-realtime-2", 1_349, 110, 1_408, 97, 299, input_cached_audio_tokens=64
    )


def test_missing_details_count_as_text():
    """Compatible servers may send totals only, or null."""
    assert reply_usage("resp_1", "m", usage(input_token_details=None)) == UsageReported("resp_1", "m")
    totals = usage(input_tokens=30, output_tokens=12)
    assert reply_usage("resp_1", "m", totals) == UsageReported("resp_1", "m", 30, output_text_tokens=12)


def test_reasoning_is_part_of_the_output_text():
    """What the total has beyond the named tokens is billed as text."""
    made = {"text_tokens": 10, "audio_tokens": 50, "reasoning_tokens": 40}
    told = reply_usage("resp_1", "m", usage(output_tokens=100, output_token_details=made))
    assert (told.output_text_tokens, told.output_audio_tokens) == (50, 50)
    within = reply_usage("resp_1", "m", usage(output_tokens=60, output_token_details=made))
    assert within.output_text_tokens == 10


@pytest.mark.parametrize(
    ("cached", "kept", "told"),
    [
        (30, {"text_tokens": 10, "audio_tokens": 15, "image_tokens": 5}, (30, 15, 5)),
        (30, None, (30, 0, 0)),
        (130, None, (130, 30, 0)),
        (1_000, None, (160, 50, 10)),
        (40, {"audio_tokens": 20}, (40, 20, 0)),
        (None, {"audio_tokens": 20}, (20, 20, 0)),
        (200, {"text_tokens": 900, "audio_tokens": 900, "image_tokens": 900}, (160, 50, 10)),
        (-5, {"text_tokens": -3}, (0, 0, 0)),
    ],
)
def test_cached_tokens_are_of_some_modality(
    cached: int | None, kept: dict[str, int] | None, told: tuple[int, int, int]
):
    """Those that no modality names are text, audio, image, in this order; none has more than it has tokens."""
    spent = {
        "text_tokens": 100, "audio_tokens": 50, "image_tokens": 10,
        "cached_tokens": cached, "cached_tokens_details": kept,
    }  # fmt: skip
    used = reply_usage("resp_1", "m", usage(input_token_details=spent))
    assert used.input_image_tokens == 10
    assert (
        used.input_cached_tokens, used.input_cached_audio_tokens, used.input_cached_image_tokens,
    ) == told  # fmt: skip


def test_a_transcription_is_billed_by_time_or_by_tokens():
    """Both shapes of the vendor's transcription models are told."""
    assert transcription_usage("m", usage(type="duration", seconds=4.2)) == UsageReported(
        "", "m", audio_ms=4_200
    )
    tokens = usage(output_tokens=12, input_token_details={"text_tokens": 1, "audio_tokens": 42})
    assert transcription_usage("m", tokens) == UsageReported(
        "", "m", input_text_tokens=1, input_audio_tokens=42, output_text_tokens=12
    )
