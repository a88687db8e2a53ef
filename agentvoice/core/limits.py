"""Checks of single values; each raises one UsageError naming the field, what was got and what is wanted."""

from __future__ import annotations

from agentvoice.errors import UsageError


def check_length(field_name: str, text: str, low: int, high: int) -> None:
    """Raise UsageError unless `text` has `low` to `high` characters."""
    if not low <= len(text) <= high:
        raise UsageError(f"{field_name}: got {len(text)} characters, want {low} to {high}")


def check_range(field_name: str, value: float, low: float, high: float) -> None:
    """Raise UsageError unless `value` is from `low` to `high`."""
    if not low <= value <= high:
        raise UsageError(f"{field_name}: got {value}, want {low} to {high}")


def check_choice(field_name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise UsageError unless `value` is one of the choices."""
    if value not in choices:
        raise UsageError(f"{field_name}: got {value!r}, want one of {', '.join(choices)}")
