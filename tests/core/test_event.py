from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from agentvoice.core.event import SignedEvent, UnsignedEvent

SIGNED = SignedEvent("ab" * 32, "cd" * 32, 1, 1, (("t", "x"),), "words", "ef" * 64)


@pytest.mark.parametrize("field", SignedEvent.__slots__)
def test_a_signed_event_never_changes(field: str):
    """Its bytes are sent again as they are, so no field may be set."""
    with pytest.raises(FrozenInstanceError):
        setattr(SIGNED, field, getattr(SIGNED, field))


def test_events_are_told_apart_by_value():
    """Equal events are one in a set; tags count, and a draft never equals its signed event."""
    draft, other = (UnsignedEvent("cd" * 32, 1, 1, (("t", tag),), "words") for tag in "xy")
    values: set[object] = {draft, other, UnsignedEvent("cd" * 32, 1, 1, (("t", "x"),), "words"), SIGNED}
    assert values == {draft, other, SIGNED}
