from __future__ import annotations

import pytest

from agentvoice.core.event import SignedEvent
from agentvoice.core.relay_limits import UNSAID, RelayLimits, find_excess, pow_bits

NOW_S = 1_800_000_000
FRAME_BYTES = 400


def event(content: str = "four", created_at: int = NOW_S, event_id: str = "00f" + "0" * 61) -> SignedEvent:
    tags = (("t", "one"), ("p", "two"))
    return SignedEvent(event_id, "a" * 64, created_at, 1, tags, content, "b" * 128)


def test_a_relay_that_says_nothing_takes_everything():
    """Nothing said, nothing against it, however large or old."""
    assert find_excess(UNSAID, event("x" * 100_000, created_at=0), 10**6, NOW_S) == ""


@pytest.mark.parametrize(
    ("fits", "exceeds", "reason"),
    [
        (
            RelayLimits(max_message_bytes=400),
            RelayLimits(max_message_bytes=399),
            "the relay takes at most 399 bytes of an event, this one has 400",
        ),
        (
            RelayLimits(max_content_chars=4),
            RelayLimits(max_content_chars=3),
            "the relay takes at most 3 characters of content, this one has 4",
        ),
        (
            RelayLimits(max_event_tags=2),
            RelayLimits(max_event_tags=1),
            "the relay takes at most 1 tags, this one has 2",
        ),
        (
            RelayLimits(min_pow_bits=8),
            RelayLimits(min_pow_bits=9),
            "the relay wants 9 bits of proof of work, this event has 8",
        ),
    ],
)
def test_each_limit_has_its_own_words(fits: RelayLimits, exceeds: RelayLimits, reason: str):
    """At the limit nothing is said; one beyond it is named with both numbers."""
    assert find_excess(fits, event(), FRAME_BYTES, NOW_S) == ""
    assert find_excess(exceeds, event(), FRAME_BYTES, NOW_S) == reason


def test_content_is_counted_in_characters():
    """NIP-11 counts characters of the content, not bytes."""
    assert find_excess(RelayLimits(max_content_chars=2), event("😀é"), FRAME_BYTES, NOW_S) == ""


def test_the_window_of_time():
    """Too old and too far ahead are told apart; the edges are inside."""
    limits = RelayLimits(created_at_lower_limit_s=3_600, created_at_upper_limit_s=900)
    for ahead_s in (-3_600, 0, 900):
        assert find_excess(limits, event(created_at=NOW_S + ahead_s), FRAME_BYTES, NOW_S) == ""
    old = find_excess(limits, event(created_at=NOW_S - 3_601), FRAME_BYTES, NOW_S)
    assert old == "the relay takes events up to 3600 s old, this one is 3601 s old"
    ahead = find_excess(limits, event(created_at=NOW_S + 901), FRAME_BYTES, NOW_S)
    assert ahead == "the relay takes events up to 900 s ahead of its clock, this one is 901 s ahead"


def test_who_may_write_is_no_reason():
    """Whether we paid, or may write, only the relay knows."""
    limits = RelayLimits(auth_required=True, payment_required=True, restricted_writes=True)
    assert find_excess(limits, event(), FRAME_BYTES, NOW_S) == ""


@pytest.mark.parametrize(
    ("event_id", "bits"), [("f" * 64, 0), ("1" + "0" * 63, 3), ("000" + "7" * 61, 13), ("0" * 64, 256)]
)
def test_proof_of_work_is_the_leading_zero_bits(event_id: str, bits: int):
    """As NIP-13 counts it."""
    assert pow_bits(event_id) == bits
