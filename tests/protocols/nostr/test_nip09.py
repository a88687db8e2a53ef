from __future__ import annotations

import json

from agentvoice.core.event import SignedEvent
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.protocols.nostr.nip09 import KIND_DELETION, MAX_EVENTS_PER_DELETION, build_deletions

SMALLEST_LIMIT_BYTES = 4_096  # PyPI nostr-relay's max_event_size


def signed(number: int, kind: int = 1, created_at: int = 1_700_000_000) -> SignedEvent:
    return SignedEvent(f"{number:064x}", "a" * 64, created_at, kind, (), "", "c" * 128)


def test_a_deletion_names_an_authors_events_and_their_kinds():
    """E tags in order, each kind once, nothing said."""
    [deletion] = build_deletions([signed(1), signed(2)], 1_700_000_060_999)
    assert (deletion.kind, deletion.pubkey, deletion.content) == (KIND_DELETION, "a" * 64, "")
    assert deletion.tags == (("e", f"{1:064x}"), ("e", f"{2:064x}"), ("k", "1"))
    assert deletion.created_at == 1_700_000_060


def test_a_deletion_is_never_older_than_what_it_deletes():
    """A clock that went back does not make it one that relays pass over."""
    [deletion] = build_deletions([signed(1, created_at=1_700_000_000)], 1_600_000_000_000)
    assert deletion.created_at == 1_700_000_000


def test_a_long_threads_deletions_fit_the_smallest_relay():
    """Each names so many events that it stays under the limit; together they name all."""
    events = [signed(number) for number in range(2 * MAX_EVENTS_PER_DELETION + 1)]
    deletions = build_deletions(events, 1_700_000_000_000)
    assert len(deletions) == 3
    named = [tag[1] for deletion in deletions for tag in deletion.tags if tag[0] == "e"]
    assert named == [event.id for event in events]
    for deletion in deletions:
        sent = encode_event(
            SignedEvent(
                "b" * 64, deletion.pubkey, deletion.created_at, deletion.kind, deletion.tags, "", "c" * 128
            )
        )
        assert len(json.dumps(["EVENT", json.loads(sent)])) < SMALLEST_LIMIT_BYTES
