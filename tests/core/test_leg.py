from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import get_args

import pytest

from agentvoice.core import leg
from agentvoice.core.leg import CallStatus, CallUpdate, LegEvent
from agentvoice.protocols import callpage


@pytest.mark.parametrize("kind", [*get_args(LegEvent), *get_args(CallUpdate)])
def test_what_passes_is_a_frozen_value(kind: type):
    """Both ends may keep what they were given: nobody can change it afterwards."""
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined] # of every dataclass
    assert all(field.type != "list" for field in fields(kind))


def test_every_value_of_the_module_belongs_to_one_direction():
    """A new event or update is named in its union, so every leg and socket must know it."""
    values = {kind for kind in vars(leg).values() if is_dataclass(kind) and kind.__module__ == leg.__name__}
    up, down = set(get_args(LegEvent)), set(get_args(CallUpdate))
    assert values == up | down
    assert up.isdisjoint(down)


@pytest.mark.parametrize("status", CallStatus)
def test_every_status_crosses_the_socket(status: CallStatus):
    """A display at the far end shows what one at this end would."""
    text = callpage.encode_frame(callpage.daemon_frame(leg.StatusChanged(status)))
    assert callpage.call_update(callpage.decode_daemon_frame(text)) == leg.StatusChanged(status)
