"""Reads the price table: a TOML file of decimal strings, so that no digit of a price is lost."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from agentvoice.config.bundled import bundled_folder
from agentvoice.config.load import read_table
from agentvoice.core.fields import describe
from agentvoice.core.pricing import MinutePrice, ModelPrice, PriceTable, TokenPrice, TokenRate, nano_usd_of
from agentvoice.core.spelling import hint
from agentvoice.errors import ConfigError

CURRENCY = "USD"

_USD = re.compile(r"\d{1,6}(\.\d{1,9})?", re.ASCII)


def read_prices(prices_file: str = "") -> PriceTable:
    """Return the price table of `prices_file`, or the one that travels with agentvoice for "".

    Raises ConfigError naming the file, the key, what was got and what is wanted.
    """
    path = Path(prices_file).expanduser() if prices_file else bundled_folder("config") / "prices.toml"
    table = read_table(path)
    _know(str(path), table, ("as_of", "currency", "models"))
    as_of = table.get("as_of")
    if not isinstance(as_of, datetime.date) or isinstance(as_of, datetime.datetime):
        raise ConfigError(f"{path}: as_of: got {_got(as_of)}, want a day such as 2026-11-01")
    if table.get("currency") != CURRENCY:
        raise ConfigError(f"{path}: currency: got {_got(table.get('currency'))}, want the text {CURRENCY!r}")
    models = _table(f"{path}: models", table.get("models", {}))
    return PriceTable(
        as_of.isoformat(), {name: _model(f"{path}: models.{name}", price) for name, price in models.items()}
    )


def _model(name: str, value: object) -> ModelPrice:
    table = _table(name, value)
    _know(name, table, ("per_million_tokens", "per_minute"))
    if len(table) != 1:
        given = " and ".join(table) or "nothing"
        raise ConfigError(f"{name}: got {given}, want either per_million_tokens or per_minute")
    if "per_minute" in table:
        return MinutePrice(_price(f"{name}.per_minute", table["per_minute"]))
    name = f"{name}.per_million_tokens"
    rates = _table(name, table["per_million_tokens"])
    _know(name, rates, ("text", "audio", "image"))
    text = _rate(f"{name}.text", rates.get("text"), None)
    # What a provider does not price apart is billed as text.
    return TokenPrice(
        text=text,
        audio=_rate(f"{name}.audio", rates.get("audio", {}), text),
        image=_rate(f"{name}.image", rates.get("image", {}), text),
    )


def _rate(name: str, value: object, text: TokenRate | None) -> TokenRate:
    table = _table(name, value)
    _know(name, table, ("input", "cached", "output"))
    if not table and text is not None:
        return text
    spent = _price(f"{name}.input", table.get("input"))
    cached = _price(f"{name}.cached", table["cached"]) if "cached" in table else spent
    if text is not None and "output" not in table:
        return TokenRate(spent, cached, text.output)
    return TokenRate(spent, cached, _price(f"{name}.output", table.get("output")))


def _price(name: str, value: object) -> int:
    if not isinstance(value, str) or not _USD.fullmatch(value):
        raise ConfigError(f'{name}: got {_got(value)}, want USD as a text such as "0.40"')
    return nano_usd_of(value)


def _table(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name}: got {_got(value)}, want a table of prices")
    return value


def _know(name: str, table: Mapping[str, Any], known: Collection[str]) -> None:
    for key in table:
        if key not in known:
            raise ConfigError(f"{name}: {key}: unknown key{hint(key, known)}")


def _got(value: object) -> str:
    return "nothing" if value is None else describe(value)
