"""`agentvoice call list|show|export`, over calls kept before."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from agentvoice.config import load_settings
from agentvoice.protocols.nostr.nip19 import decode_nevent
from tests.cli.conftest import Cli
from tests.cli.kept_call import CALL_ID


def test_a_call_is_shown_whole(kept: Cli):
    """The document has the conversation, the sums of what was used, and the thread with its link."""
    document = kept("call", "show", CALL_ID, "--json").document
    assert (document["state"], document["end_reason"], document["agents"]) == (
        "ended",
        "caller",
        ["ada", "max"],
    )
    assert [item["position"] for item in document["items"]] == [1, 2, 3, 4]
    assert document["items"][1]["heard_ms"] == 640
    assert [item["tool"] for item in document["items"]] == [None, None, None, "note"]
    assert document["cost_usd"] == "0.0235192"
    assert (document["usage"]["is_estimate"], document["usage"]["priced_as_of"]) == (True, "2026-11-01")
    assert (document["usage"]["input_text_tokens"], document["usage"]["audio_ms"]) == (6, 1_000)
    thread = document["publication"]
    pointer = decode_nevent("nevent", thread["nevent"])
    assert (thread["state"], pointer.event_id) == ("queued", thread["root"])
    assert set(pointer.relays) == {"wss://relay.example", "ws://127.0.0.1:7447"}
    assert [each["relay"] for each in thread["events"][0]["deliveries"]] == [
        "wss://relay.example",
        "embedded",
    ]


def test_calls_are_listed_with_filters(kept: Cli):
    """Filters choose by project, by an agent that took part, and by state."""

    def ids(*filters: str) -> list[str]:
        return [each["id"] for each in kept("call", "list", *filters, "--json").document["calls"]]

    assert (
        ids() == ids("--agent", "max") == ids("--project", "default") == ids("--state", "ended") == [CALL_ID]
    )
    assert ids("--agent", "bo") == ids("--state", "live") == ids("--before", CALL_ID) == []
    text = kept("call", "list", "--limit", "1").out
    assert "1:05" in text
    assert f"--before {CALL_ID}" in text


def test_export_is_the_document_or_a_transcript(kept: Cli, home: Path):
    """JSON by default, the same as show; Markdown for people; either into a file."""
    shown = kept("call", "show", CALL_ID, "--json").document
    assert kept("call", "export", CALL_ID).document == shown
    markdown = kept("call", "export", CALL_ID, "--format", "markdown", "--output", f"{home.parent}/call.md")
    assert markdown.code == 0
    text = (home.parent / "call.md").read_text()
    assert text.startswith(f"# Call {CALL_ID}\n")
    assert "**caller**: Hello" in text
    assert "*Ada hands over to Max.*" in text
    assert kept("call", "export", CALL_ID, "--output", "/none/x").code == 2


@pytest.mark.parametrize("command", [("call", "show"), ("call", "export"), ("publication", "show")])
def test_an_unknown_call_is_not_found(kept: Cli, command: tuple[str, str]):
    """Exit code 3, with the command that lists what there is."""
    answer = kept(*command, "nothing")
    assert answer.code == 3
    assert "list` shows" in answer.complaint


def test_last_means_nothing_without_calls(cli: Cli):
    """`last` on an empty history is not found, not a crash."""
    cli("db", "upgrade")
    assert cli("call", "show", "last").code == 3
    assert "agentvoice call start" in cli("call", "list").out
    assert cli("publication", "list").out == "No threads yet.\n"


def test_a_locked_database_is_one_line(kept: Cli, monkeypatch: pytest.MonkeyPatch):
    """Another process that holds the lock gives exit code 1 after the busy timeout, not a traceback."""
    monkeypatch.setenv("AGENTVOICE_DATABASE__BUSY_TIMEOUT_MS", "50")
    holder = sqlite3.connect(load_settings().database_place, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        answer = kept("agent", "disable", "ada")
    finally:
        holder.close()
    assert answer.code == 1
    assert "defect" not in answer.complaint
