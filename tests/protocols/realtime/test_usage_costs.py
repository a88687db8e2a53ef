"""Our bill against an independent one: PyPI genai-prices, over the provider's own usage objects."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage, calc_price, extract_usage

from agentvoice.config.prices import read_prices
from agentvoice.core.agent import AgentProfile
from agentvoice.core.engine import SessionConfig
from agentvoice.core.pricing import NANO_PER_USD, TokenPrice, exact_cost
from agentvoice.core.speech import SpeechEvent, UsageReported
from agentvoice.protocols.realtime.protocol import RealtimeProtocol

PRICES = read_prices()
REPLY_MODELS = sorted(
    name for name in PRICES.models if name.startswith("gpt-realtime") and "whisper" not in name
)
USAGES_OF_EACH_MODEL = 50
NANO = Decimal(1) / NANO_PER_USD


def generated_usage(dice: random.Random) -> dict[str, Any]:
    """A usage object as the provider sends it; small, large and empty counts, reasoning, kept images."""

    def count(most: int) -> int:
        return dice.choice((0, 1, dice.randint(0, 50), dice.randint(0, most)))

    text, audio, image = count(100_000), count(30_000), count(4_000)
    kept = {"text_tokens": dice.randint(0, text), "audio_tokens": dice.randint(0, audio)}
    kept["image_tokens"] = dice.randint(0, image)
    made_text, made_audio, reasoning = count(4_000), count(4_000), count(2_000)
    return {
        "input_tokens": text + audio + image,
        "output_tokens": made_text + made_audio + reasoning,
        "total_tokens": text + audio + image + made_text + made_audio + reasoning,
        "input_token_details": {
            "text_tokens": text,
            "audio_tokens": audio,
            "image_tokens": image,
            "cached_tokens": sum(kept.values()),
            "cached_tokens_details": kept,
        },
        "output_token_details": {
            "text_tokens": made_text + reasoning,
            "audio_tokens": made_audio,
            "reasoning_tokens": reasoning,
        },
    }


def told_of(model: str, event: dict[str, Any]) -> UsageReported:
    """What a whole session tells of one event that bears a usage."""
    protocol = RealtimeProtocol(SessionConfig(AgentProfile("ada", "Ada"), "Help."))
    session = {"id": "sess_1", "model": model}
    events: list[SpeechEvent] = []
    for each in ({"type": "session.created", "session": session}, event):
        events += protocol.receive_message(json.dumps(each))
    (used,) = (each for each in events if isinstance(each, UsageReported))
    return used


def nano_usd(usd: Decimal) -> int:
    """A foreign price in nano-dollars, which it must have exactly or be rounded half up to."""
    return int((usd / NANO + Decimal("0.5")) // 1)


@pytest.mark.parametrize("status", ["completed", "cancelled"])
@pytest.mark.parametrize("model", REPLY_MODELS)
def test_replies_cost_what_an_independent_table_says(model: str, status: str):
    """To the nano-dollar, for replies that were finished and for those that were cancelled."""
    dice = random.Random(f"{model} {status}")
    price = PRICES.price_of(model)
    assert isinstance(price, TokenPrice)
    costs = set()
    for _ in range(USAGES_OF_EACH_MODEL):
        usage = generated_usage(dice)
        response = {"id": "resp_1", "object": "realtime.response", "status": status, "usage": usage}
        used = told_of(model, {"type": "response.done", "response": response})
        extracted = extract_usage(
            {"model": model, "response": response}, provider_id="openai", api_flavor="realtime"
        )
        theirs = extracted.calc_price().total_price
        assert exact_cost(used, price) == nano_usd(theirs), usage
        costs.add(theirs)
    assert len(costs) > USAGES_OF_EACH_MODEL // 2  # they are not all alike


def test_there_are_200_comparisons_and_more():
    """All six reply models of our table are known to the other one."""
    assert len(REPLY_MODELS) == 6
    assert 2 * len(REPLY_MODELS) * USAGES_OF_EACH_MODEL >= 200


def test_the_worked_example_is_the_same_by_both():
    """0.0235192 USD."""
    usage = {
        "input_tokens": 1_459,
        "output_tokens": 396,
        "input_token_details": {
            "text_tokens": 1_349, "audio_tokens": 110, "cached_tokens": 1_408,
            "cached_tokens_details": {"text_tokens": 1_344, "audio_tokens": 64},
        },
        "output_token_details": {"text_tokens": 97, "audio_tokens": 299},
    }  # fmt: skip
    response = {"id": "resp_1", "status": "completed", "usage": usage}
    used = told_of("gpt-realtime-2", {"type": "response.done", "response": response})
    price = PRICES.price_of("gpt-realtime-2")
    assert price is not None
    assert exact_cost(used, price) == 23_519_200
    theirs = calc_price(
        Usage(
            input_tokens=1_459, cache_read_tokens=1_408, output_tokens=396,
            input_audio_tokens=110, cache_audio_read_tokens=64, output_audio_tokens=299,
        ),
        "gpt-realtime-2", provider_id="openai",
    )  # fmt: skip
    assert theirs.total_price == Decimal("0.0235192")


@pytest.mark.parametrize(
    "model", ["gpt-live-transcribe", "gpt-realtime-whisper", "gpt-transcribe", "whisper-1"]
)
def test_transcriptions_by_the_minute_cost_the_same(model: str):
    """Under the transcription's own model, for any length in whole milliseconds."""
    dice = random.Random(model)
    price = PRICES.price_of(model)
    assert price is not None
    for _ in range(USAGES_OF_EACH_MODEL):
        seconds = Decimal(dice.randint(1, 600_000)) / 1_000
        used = transcribed(model, {"type": "duration", "seconds": float(seconds)})
        theirs = calc_price(Usage(audio_seconds=seconds), model, provider_id="openai").total_price
        assert (used.model, exact_cost(used, price)) == (model, nano_usd(theirs))


@pytest.mark.parametrize("model", ["gpt-4o-transcribe", "gpt-4o-mini-transcribe"])
def test_transcriptions_by_tokens_cost_the_same(model: str):
    """Audio and text taken in, text given."""
    dice = random.Random(model)
    price = PRICES.price_of(model)
    assert price is not None
    for _ in range(USAGES_OF_EACH_MODEL):
        audio, text, made = dice.randint(1, 9_000), dice.randint(0, 300), dice.randint(0, 2_000)
        usage = {
            "type": "tokens", "input_tokens": audio + text, "output_tokens": made,
            "total_tokens": audio + text + made,
            "input_token_details": {"audio_tokens": audio, "text_tokens": text},
        }  # fmt: skip
        theirs = calc_price(
            Usage(input_tokens=audio + text, input_audio_tokens=audio, output_tokens=made),
            model, provider_id="openai",
        ).total_price  # fmt: skip
        assert exact_cost(transcribed(model, usage), price) == nano_usd(theirs)


def transcribed(model: str, usage: dict[str, Any]) -> UsageReported:
    agent = AgentProfile("ada", "Ada")
    protocol = RealtimeProtocol(SessionConfig(agent, "Help."))
    protocol._turns.transcription_model = model
    event = {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "item_1", "content_index": 0, "transcript": "Hello", "usage": usage,
    }  # fmt: skip
    (used,) = (
        each for each in protocol.receive_message(json.dumps(event)) if isinstance(each, UsageReported)
    )
    return used
