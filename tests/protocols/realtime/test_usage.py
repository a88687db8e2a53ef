import msgspec

from agentvoice.core.speech import UsageReported
from agentvoice.protocols.realtime.server_events import WireUsage
from agentvoice.protocols.realtime.usage import reply_usage, transcription_usage


def usage(**fields):
    return msgspec.convert(fields, WireUsage)


def test_a_reply_s_tokens_are_told_by_modality():
    """Cached tokens stay part of the input tokens, as the provider counts them."""
    spent = {"text_tokens": 1_349, "audio_tokens": 110, "cached_tokens": 1_408}
    made = {"text_tokens": 97, "audio_tokens": 299}
    told = reply_usage(
        "resp_1", "gpt-realtime-2", usage(input_token_details=spent, output_token_details=made)
    )
    assert told == UsageReported("resp_1", "gpt-realtime-2", 1_349, 110, 1_408, 97, 299)


def test_missing_details_count_as_nothing():
    """Compatible servers may send totals only, or null."""
    assert reply_usage("resp_1", "m", usage(input_token_details=None)) == UsageReported("resp_1", "m")


def test_a_transcription_is_billed_by_time_or_by_tokens():
    """Both shapes of the vendor's transcription models are told."""
    assert transcription_usage("m", usage(type="duration", seconds=4.2)) == UsageReported(
        "", "m", audio_ms=4_200
    )
    tokens = usage(output_tokens=12, input_token_details={"text_tokens": 1, "audio_tokens": 42})
    assert transcription_usage("m", tokens) == UsageReported(
        "", "m", input_text_tokens=1, input_audio_tokens=42, output_text_tokens=12
    )
