from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.pricing import (
    MinutePrice,
    PriceTable,
    TokenPrice,
    TokenRate,
    audio_ms_of,
    estimated_cost,
    exact_cost,
    nano_usd_of,
    read_usd,
    usd_text,
)
from agentvoice.core.speech import UsageReported
from agentvoice.errors import UsageError

USD = 1_000_000_000
REALTIME_2 = TokenPrice(
    text=TokenRate(4 * USD, 400_000_000, 24 * USD),
    audio=TokenRate(32 * USD, 400_000_000, 64 * USD),
    image=TokenRate(5 * USD, 500_000_000),
)


def test_the_worked_example():
    """1,459 tokens in, of them 1,408 kept, and 396 out cost 0.0235192 USD."""
    used = UsageReported("r", "gpt-realtime-2", 1_349, 110, 1_408, 97, 299, input_cached_audio_tokens=64)
    assert exact_cost(used, REALTIME_2) == 23_519_200


def test_cached_tokens_cost_their_own_rate_in_each_modality():
    """A million tokens of each kind, all kept: only the cached rates count."""
    million = 1_000_000
    used = UsageReported(
        "r", "m", million, million, 3 * million, input_image_tokens=million,
        input_cached_audio_tokens=million, input_cached_image_tokens=million,
    )  # fmt: skip
    assert exact_cost(used, REALTIME_2) == 400_000_000 + 400_000_000 + 500_000_000


@pytest.mark.parametrize(("tokens", "cost"), [(1, 1), (2, 1), (3, 2), (0, 0)])
def test_a_cost_is_rounded_once_half_up(tokens: int, cost: int):
    """Half a nano-dollar becomes one; what is less than half is nothing."""
    rate = TokenPrice(text=TokenRate(input=500_000))  # half a nano-dollar a token
    assert exact_cost(UsageReported("r", "m", input_text_tokens=tokens), rate) == cost


def test_parts_are_not_rounded_before_they_are_added():
    """Two quarters of a nano-dollar are a half, which is one."""
    quarter = TokenRate(input=250_000)
    used = UsageReported("r", "m", input_text_tokens=1, input_audio_tokens=1)
    assert exact_cost(used, TokenPrice(text=quarter, audio=quarter)) == 1


@pytest.mark.parametrize(("audio_ms", "cost"), [(60_000, 17_000_000), (4_200, 1_190_000), (1, 283), (0, 0)])
def test_minutes_are_billed_by_the_millisecond(audio_ms: int, cost: int):
    """A model billed by time costs its share of the minute."""
    assert exact_cost(UsageReported("", "m", audio_ms=audio_ms), MinutePrice(17_000_000)) == cost


def test_a_dated_snapshot_costs_what_its_model_does():
    """Only a date at the end is taken off; other names are not known."""
    table = PriceTable("2026-11-01", {"gpt-realtime-2": REALTIME_2})
    assert table.price_of("gpt-realtime-2") is REALTIME_2
    assert table.price_of("gpt-realtime-2-2026-05-01") is REALTIME_2
    assert table.price_of("gpt-realtime-2-preview") is None


@pytest.mark.parametrize(("audio_ms", "minutes"), [(0, 1), (1, 1), (60_000, 1), (60_001, 2), (179_000, 3)])
def test_an_estimate_counts_begun_minutes(audio_ms: int, minutes: int):
    """Minutes are rounded up, and no use is free."""
    assert estimated_cost(audio_ms, 60_000_000) == minutes * 60_000_000


def test_sound_is_what_was_reported_or_what_the_tokens_say():
    """A caller's token is 100 ms, an agent's 50 ms; what was kept is no new sound."""
    assert audio_ms_of(UsageReported("", "m", audio_ms=700, input_audio_tokens=9)) == 700
    used = UsageReported("r", "m", 5, 30, 10, 5, 40, input_cached_audio_tokens=10)
    assert audio_ms_of(used) == 20 * 100 + 40 * 50


def test_dollars_become_nano_dollars_as_they_are_written():
    """A float's binary rest does not reach the bill."""
    assert [nano_usd_of(usd) for usd in (0.06, 0.1 + 0.2, "1.000000001")] == [
        60_000_000, 300_000_000, 1_000_000_001,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "-1", "1e3", "1,5", "12345678", "0.0000000001", "\u0661"])
def test_an_amount_that_is_none_is_named(text: str):
    """Digits with a point, to the nano-dollar; no sign, no exponent, no digits of other scripts."""
    with pytest.raises(UsageError, match=f"^budget: got {text!r}, want USD such as 12.50"):
        read_usd("budget", text)
    assert read_usd("budget", "12.5") == 12_500_000_000


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "0.00"),
        (23_519_200, "0.0235192"),
        (1_500_000_000, "1.50"),
        (1, "0.000000001"),
        (-5, "-0.000000005"),
    ],
)
def test_money_is_a_decimal_string(nano: int, text: str):
    """Nano-dollars are printed in full, with at least two decimals."""
    assert usd_text(nano) == text


@given(st.integers(-(10**15), 10**15))
def test_money_loses_nothing(nano: int):
    """The printed amount is the stored one, to the last nano-dollar."""
    assert Decimal(usd_text(nano)) * 10**9 == nano
