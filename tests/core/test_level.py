"""Loudness in numbers, and on a meter."""

from __future__ import annotations

from array import array

import pytest

from agentvoice.core.level import METER_FLOOR_DB, METER_TOP_DB, SILENCE_DB, level_db, meter_share


@pytest.mark.parametrize(
    ("value", "level"), [(0, SILENCE_DB), (1, -90.3), (-32_768, 0.0), (16_384, -6.02), (-3_277, -20.0)]
)
def test_a_constant_has_its_own_level(value: int, level: float):
    """The level is of full scale; digital silence has a floor."""
    assert level_db(array("h", [value] * 480).tobytes()) == pytest.approx(level, abs=0.02)


def test_no_sound_is_silence():
    """A piece without samples has a level too."""
    assert level_db(b"") == SILENCE_DB


@pytest.mark.parametrize(
    ("level", "share"), [(SILENCE_DB, 0), (METER_FLOOR_DB, 0), (-33, 0.5), (METER_TOP_DB, 1), (0, 1)]
)
def test_the_meter_spans_quiet_to_loud(level: float, share: float):
    """Below the floor it is empty, above the top full."""
    assert meter_share(level) == share
