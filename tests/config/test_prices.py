from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.config.prices import read_prices
from agentvoice.core.pricing import MinutePrice, TokenPrice, TokenRate
from agentvoice.errors import ConfigError

HEAD = 'as_of = 2026-11-01\ncurrency = "USD"\n'
MODEL = '[models."m".per_million_tokens]\n'


def written(folder: Path, text: str) -> str:
    path = folder / "prices.toml"
    path.write_text(text)
    return str(path)


def test_the_bundled_table_has_the_models_of_the_agents():
    """The default model and its transcription have prices, with images and a day."""
    table = read_prices()
    assert table.as_of == "2026-11-01"
    assert table.price_of("gpt-realtime-2.1") == TokenPrice(
        text=TokenRate(4_000_000_000, 400_000_000, 24_000_000_000),
        audio=TokenRate(32_000_000_000, 400_000_000, 64_000_000_000),
        image=TokenRate(5_000_000_000, 500_000_000, 24_000_000_000),
    )
    assert table.price_of("gpt-live-transcribe") == MinutePrice(17_000_000)


def test_an_operators_own_file_is_read(tmp_path: Path):
    """What is not priced apart costs what text does; kept tokens without a rate cost as others."""
    text = HEAD + MODEL + 'text = { input = "1", output = "2.000000001" }\naudio = { input = "3" }\n'
    table = read_prices(written(tmp_path, text))
    rate = TokenRate(1_000_000_000, 1_000_000_000, 2_000_000_001)
    assert table.price_of("m") == TokenPrice(
        rate, TokenRate(3_000_000_000, 3_000_000_000, 2_000_000_001), rate
    )


def test_a_table_may_be_empty(tmp_path: Path):
    """Without models every use is an estimate."""
    assert read_prices(written(tmp_path, HEAD)).models == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('currency = "USD"\n', "as_of: got nothing, want a day such as 2026-11-01"),
        ('as_of = "2026-11-01"\ncurrency = "USD"\n', "as_of: got the text '2026-11-01', want a day"),
        ("as_of = 2026-11-01T10:00:00\n", "as_of: got 2026-11-01 10:00:00, want a day"),
        ("as_of = 2026-11-01\n", "currency: got nothing, want the text 'USD'"),
        ('as_of = 2026-11-01\ncurrency = "EUR"\n', "currency: got the text 'EUR', want the text 'USD'"),
        (HEAD + "model = 1\n", "model: unknown key; did you mean models?"),
        (HEAD + "models = 1\n", "models: got 1, want a table of prices"),
        (HEAD + "[models]\nm = 1\n", "models.m: got 1, want a table of prices"),
        (HEAD + "[models.m]\n", "models.m: got nothing, want either per_million_tokens or per_minute"),
        (
            HEAD + '[models.m]\nper_minute = "1"\nper_million_tokens = {}\n',
            "models.m: got per_minute and per_million_tokens, want either",
        ),
        (
            HEAD + '[models.m]\nper_minut = "1"\n',
            "models.m: per_minut: unknown key; did you mean per_minute?",
        ),
        (HEAD + "[models.m]\nper_minute = 0.017\n", "models.m.per_minute: got 0.017, want USD as a text"),
        (HEAD + '[models.m]\nper_minute = "-1"\n', "models.m.per_minute: got the text '-1', want USD"),
        (HEAD + '[models.m]\nper_minute = "1.0000000001"\n', "models.m.per_minute: got the text '1.00000"),
        (HEAD + MODEL, "models.m.per_million_tokens.text: got nothing, want a table of prices"),
        (HEAD + MODEL + 'text = { input = "1" }\n', "text.output: got nothing, want USD as a text"),
        (HEAD + MODEL + 'text = { output = "1" }\n', "text.input: got nothing, want USD as a text"),
        (
            HEAD + MODEL + 'text = { input = "1", output = "1", cache = "1" }\n',
            "text: cache: unknown key; did you mean cached?",
        ),
        (HEAD + MODEL + 'text = { input = "1", output = "1" }\nvideo = {}\n', "video: unknown key"),
        (HEAD + MODEL + 'text = { input = "1", output = "1" }\naudio = 1\n', "audio: got 1, want a table"),
        ("as_of = \n", "bad TOML"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str, words: str):
    """File, key, what was got and what is wanted, in one line."""
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        read_prices(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path):
    """A file that was named must be there."""
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read"):
        read_prices(str(tmp_path / "nowhere.toml"))
