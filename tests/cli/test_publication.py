"""`agentvoice publication`, over a thread that waits for its relays."""

from __future__ import annotations

from tests.cli.conftest import Cli
from tests.cli.kept_call import CALL_ID


def test_a_thread_is_dropped_and_retried(kept: Cli):
    """Dropping gives up what is open, for one relay or all; retrying queues the same events again."""

    def states() -> dict[str, str]:
        shown = kept("publication", "show", CALL_ID, "--json").document["publication"]
        return {each["relay"]: each["state"] for each in shown["events"][0]["deliveries"]}

    one = kept("publication", "drop", CALL_ID, "--relay", "embedded", "--json").document
    assert one == {"call": CALL_ID, "deliveries": 1, "state": "queued"}
    assert states() == {"wss://relay.example": "waiting", "embedded": "dropped"}
    assert kept("publication", "drop", "last", "--json").document["state"] == "failed"
    assert "FAILED" in kept("publication", "list").out.upper()
    root = kept("publication", "show", CALL_ID, "--json").document["publication"]["root"]
    assert kept("publication", "retry", CALL_ID, "--json").document["deliveries"] == 2
    assert states() == {"wss://relay.example": "waiting", "embedded": "waiting"}
    assert kept("publication", "show", CALL_ID, "--json").document["publication"]["root"] == root
    assert kept("publication", "retry", CALL_ID, "--relay", "wss://other.example").code == 3


def test_publications_are_listed_by_state(kept: Cli):
    """The filter takes the states of the reference."""
    found = kept("publication", "list", "--state", "queued", "--json").document["publications"]
    assert [(each["call"], each["state"], each["published_at"]) for each in found] == [
        (CALL_ID, "queued", None)
    ]
    assert kept("publication", "list", "--state", "published", "--json").document["publications"] == []
    assert kept("publication", "list", "--state", "lost").code == 2
