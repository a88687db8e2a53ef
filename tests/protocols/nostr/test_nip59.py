from __future__ import annotations

import json

import nostr_sdk
import pytest

from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.secret import Secret
from agentvoice.protocols.nostr import nip44
from agentvoice.protocols.nostr.nip01 import encode_event, event_id
from agentvoice.protocols.nostr.nip59 import (
    MAX_BACKDATING_S,
    MAX_WRAP_BYTES,
    backdate,
    build_seal,
    build_wrap,
    encode_rumor,
    largest_rumor,
    wrap_bytes,
)

AUTHOR, READER, FRESH = "a" * 64, "b" * 64, "c" * 64
RUMOR = UnsignedEvent(AUTHOR, 1_700_000_000, 14, (("p", READER),), 'Grüße "you" 😀\n')
KEY = Secret(bytes(range(32)))


def sized(event: UnsignedEvent) -> str:
    signed = SignedEvent("0" * 64, event.pubkey, event.created_at, event.kind, event.tags, event.content, "0" * 128)  # fmt: skip
    return encode_event(signed)


def test_a_rumor_has_an_id_and_no_signature():
    """An independent library reads it as an unsigned event with the very id."""
    text = encode_rumor(RUMOR)
    assert "sig" not in json.loads(text)
    read = nostr_sdk.UnsignedEvent.from_json(text)
    assert (read.id().to_hex(), read.content()) == (event_id(RUMOR), RUMOR.content)


def test_a_seal_tells_nothing_but_its_author():
    """Kind 13, without tags."""
    assert build_seal(AUTHOR, "payload", 5) == UnsignedEvent(AUTHOR, 5, 13, (), "payload")


def test_a_wrap_names_its_reader_only():
    """Kind 1059 by a fresh key; what relays must know may be added."""
    assert build_wrap(FRESH, READER, "x", 5) == UnsignedEvent(FRESH, 5, 1059, (("p", READER),), "x")
    tags = (("p", READER), ("expiration", "9"))
    assert build_wrap(FRESH, READER, "x", 5, (("expiration", "9"),)).tags == tags


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 0), (0.5, 86_400), (0.999_999_9, MAX_BACKDATING_S - 1)]
)
def test_times_lie_within_the_last_two_days(share: float, expected: int):
    """Never in the future, never older than NIP-59 says."""
    assert backdate(1_700_000_000, share) == 1_700_000_000 - expected


@pytest.mark.parametrize("size", [1, 32, 33, 1_000, 4_097, 28_672, 28_673])
def test_the_size_of_a_wrap_is_known_before_it_is_made(size: int):
    """To the byte, as the wrap is when it is really encrypted."""
    sealed = nip44.encrypt(KEY, "x" * size, bytes(32))
    wrapped = nip44.encrypt(KEY, sized(build_seal(AUTHOR, sealed, 1_700_000_000)), bytes(32))
    real = len(sized(build_wrap(FRESH, READER, wrapped, 1_700_000_000)))
    # A seal's kind has two digits less than the wrap's; padding hides them but at a boundary.
    assert 0 <= wrap_bytes(size) - real <= 4


@pytest.mark.parametrize("limit", [4_096, 16_384, MAX_WRAP_BYTES, 10**9])
def test_the_largest_rumor_fits_and_one_byte_more_does_not(limit: int):
    """Padding goes by steps: the step below the limit is used whole."""
    size = largest_rumor(limit)
    assert wrap_bytes(size) <= limit < wrap_bytes(size + 1)


def test_nothing_fits_into_a_tiny_event():
    """Keys, signatures and padding take more than that."""
    assert largest_rumor(500) == 0
    assert largest_rumor(MAX_WRAP_BYTES) == 28_672
