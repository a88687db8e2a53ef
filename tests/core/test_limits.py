"""Checks of single values."""

from __future__ import annotations

import pytest

from agentvoice.core.limits import check_choice, check_length, check_range
from agentvoice.errors import UsageError


def test_what_is_inside_passes():
    """Both ends are allowed."""
    check_length("a.name", "x", 1, 1)
    check_range("a.size", 0.5, 0.5, 1)
    check_choice("a.kind", "b", ("a", "b"))


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: check_length("a.name", "", 1, 3), "a.name: got 0 characters, want 1 to 3"),
        (lambda: check_range("a.size", 4, 1, 3), "a.size: got 4, want 1 to 3"),
        (lambda: check_choice("a.kind", "c", ("a", "b")), "a.kind: got 'c', want one of a, b"),
    ],
)
def test_what_is_outside_is_named(check, message):
    """One error says the field, what was got and what is wanted."""
    with pytest.raises(UsageError) as refused:
        check()
    assert str(refused.value) == message
