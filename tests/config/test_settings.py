"""The settings' defaults."""

from __future__ import annotations

import dataclasses

import pytest

from agentvoice.config import Settings
from agentvoice.config.load import check_settings
from agentvoice.core.fields import Between, OneOf, walk_fields


@pytest.mark.parametrize(("name", "kind", "default"), list(walk_fields(Settings)))
def test_every_default_is_inside_its_own_limit(name: str, kind, default):
    """A setting may be written into the file at its default."""
    assert type(default) is kind.type
    if isinstance(kind.limit, Between):
        assert kind.limit.allows(default)
    if isinstance(kind.limit, OneOf):
        assert default in kind.limit.words


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kind, _ in walk_fields(Settings)])
def test_every_number_has_a_limit(name: str, kind):
    """No timeout, size or count can be set to what makes no sense."""
    assert kind.type not in (int, float) or kind.limit is not None


def test_the_defaults_fit_together():
    """An untouched installation starts."""
    check_settings(Settings())


def test_settings_are_frozen():
    """Nobody changes a setting behind the others' backs."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().home = "x"  # type: ignore[misc]  # that is the point
