"""The nearest right name."""

from __future__ import annotations

from agentvoice.core.spelling import hint, nearest


def test_a_slip_finds_its_name():
    """A letter too few, two swapped, or another case still find the name."""
    names = ("silence_ms", "voice", "model")
    assert nearest("silense_ms", names) == "silence_ms"
    assert nearest("vocie", names) == "voice"
    assert nearest("MODEL", names) == "model"


def test_something_else_finds_nothing():
    """A name that is like none gives none, and the hint lists what there is."""
    assert nearest("zzz", ("voice", "model")) is None
    assert hint("zzz", ("voice", "model"), "local.") == "; want one of local.model, local.voice"


def test_the_hint_names_the_nearest_with_its_prefix():
    """The hint shows the whole name that should be written."""
    assert hint("vocie", ("voice", "model"), "local.") == "; did you mean local.voice?"


def test_without_choices_there_is_no_hint():
    """Where nothing is right, nothing is proposed."""
    assert hint("x", ()) == ""
