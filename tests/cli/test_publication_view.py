"""How a thread is shown to people."""

from __future__ import annotations

from agentvoice.cli.publication_view import WIDTH, describe_publication, tell_when
from agentvoice.protocols.publication_documents import (
    DeliveryDocument,
    EventDocument,
    PublicationDocument,
    RelayDocument,
)
from tests.cli.conftest import Cli
from tests.cli.kept_call import CALL_ID

NOW = 1_700_000_000_000
NEXT = "2023-11-14T22:17:20.000Z"  # 4 minutes on
WORDS = "the relay's own words, which go on " * 8


def thread(events: int) -> PublicationDocument:
    waiting = DeliveryDocument("wss://relay.example", "waiting", 2, NEXT, WORDS, "busy", "nothing to do")
    return PublicationDocument(
        "queued", "e" * 64, "nevent1x", [EventDocument("e" * 64, n, "npub1" + "x" * 58, [waiting]) for n in range(events)],
        summary="Not published yet: 0 of 1 relays have the whole thread, 1 must.",
        relays=[RelayDocument("wss://relay.example", False, {"waiting": events}, NEXT, WORDS, "busy", "nothing to do")],
    )  # fmt: skip


def test_the_relays_come_first_with_what_to_do():
    """Whether it is published, then per relay: how much, when, its words, what to do."""
    text = describe_publication(thread(14), NOW)
    assert text.index("Not published yet") < text.index("wss://relay.example: 0 of 14 accepted, 14 waiting")
    assert "  next  2023-11-14 22:17:20Z (in 4 min)" in text
    assert "  said  the relay's own words" in text
    assert "  to do nothing to do" in text
    assert text.endswith("14 events, 14 deliveries: --events shows each.")


def test_events_are_shown_when_few_or_asked_for():
    """A long call does not scroll its relays away unless it is told to."""
    assert "#2  eeeeeeeeeeee…" in describe_publication(thread(3), NOW)
    assert "#13  eeeeeeeeeeee…" in describe_publication(thread(14), NOW, all_events=True)


def test_lines_fit_a_plain_terminal():
    """Relays may talk as long as they like."""
    text = describe_publication(thread(3), NOW)
    assert max(len(line) for line in text.splitlines()) < WIDTH


def test_times_are_told_both_ways():
    """When, and how long that is from now, in its largest unit."""
    at = "2023-11-14 22:13:20Z"
    assert tell_when(NOW, NOW) == f"{at} (due now)"
    for before_ms, words in (
        (45_000, "in 45 s"),
        (240_000, "in 4 min"),
        (7_200_000, "in 2 h"),
        (172_800_000, "in 2 d"),
    ):
        assert tell_when(NOW, NOW - before_ms) == f"{at} ({words})"


def test_an_unsigned_thread_says_what_to_do():
    """Without events there is the error and the advice."""
    document = PublicationDocument(
        "failed", None, None, [], "Not published: it could not be signed: no key", "no key", "give it a key"
    )
    assert describe_publication(document, NOW).splitlines() == [
        "thread  failed", "Not published: it could not be signed: no key", "To do: give it a key",
    ]  # fmt: skip


def test_the_command_shows_a_stored_thread(kept: Cli):
    """`publication show` tells each relay's state in words; `--json` has the same."""
    text = kept("publication", "show", CALL_ID).out
    assert "Not published yet: 0 of 2 relays have the whole thread, 1 must." in text
    assert "embedded: 0 of 1 accepted, 1 waiting" in text
    assert "nothing to do while `agentvoice serve` runs" in text.replace("\n        ", " ")
    document = kept("publication", "show", CALL_ID, "--json").document["publication"]
    assert [(each["relay"], each["reason"]) for each in document["relays"]] == [
        ("wss://relay.example", "not-tried"), ("embedded", "not-tried"),
    ]  # fmt: skip
