from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.ids import RANDOM_BYTES, build_uuid7

times = st.integers(0, (1 << 48) - 1)
noise = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@given(times, noise)
def test_ids_are_uuid_version_7(utc_ms: int, random: bytes):
    """The standard library reads our ids as RFC 9562 version 7, with the time in front."""
    value = uuid.UUID(build_uuid7(utc_ms, random))
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == utc_ms


@given(times, times, noise, noise)
def test_ids_sort_by_time(one: int, other: int, random: bytes, more: bytes):
    """An id made at a later millisecond sorts after."""
    if one < other:
        assert build_uuid7(one, random) < build_uuid7(other, more)


@given(times, noise, noise)
def test_every_random_bit_counts(utc_ms: int, random: bytes, more: bytes):
    """Two ids of the same millisecond are the same only if 74 random bits are."""
    first, second = (build_uuid7(utc_ms, value) for value in (random, more))
    kept = [
        (int.from_bytes(value, "big") >> 68, int.from_bytes(value, "big") & ((1 << 62) - 1))
        for value in (random, more)
    ]
    assert (first == second) == (kept[0] == kept[1])


def test_wrong_number_of_random_bytes_is_refused():
    """Too little randomness is an error of the caller, not a weak id."""
    with pytest.raises(ValueError, match="got 3 bytes, want 10"):
        build_uuid7(0, b"abc")
