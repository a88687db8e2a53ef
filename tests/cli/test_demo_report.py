"""What the demo finds wrong, and how it shows what it found."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from agentvoice.cli.demo_report import DemoResult, Timings, demo_document, describe_demo, find_problems
from agentvoice.core.event import SignedEvent
from agentvoice.core.leg import CallStatus, CallUpdate, HandoverTimed, StatusChanged, TurnTimed
from agentvoice.protocols.documents import CallDocument, ItemDocument, UsageDocument, encode_document
from agentvoice.protocols.publication_documents import DeliveryDocument, EventDocument, PublicationDocument
from agentvoice.services.thread_check import ThreadCheck

NPUBS = {"ada": "npub1ada", "max": "npub1max"}
NAMES = {"npub1ada": "ada", "npub1max": "max", "npub1home": "project demo"}
CALLER, ADA, MAX = ("user", "ada"), ("agent", "ada"), ("agent", "max")
TURNS = (ADA, CALLER, ADA, CALLER, MAX)
HANDOVER = HandoverTimed("ada", "max", 90)


def call_of(*turns: tuple[str, str], state: str = "published") -> CallDocument:
    """A call of these turns (role, agent), each signed by who spoke it."""
    items = [
        ItemDocument(
            f"{number}", number, "message", role, agent, f"words {number}", "completed", None, None, None
        )
        for number, (role, agent) in enumerate(turns, start=1)
    ]
    signers = ["npub1home", *("npub1home" if role == "user" else NPUBS[agent] for role, agent in turns)]
    delivered = [DeliveryDocument("embedded", "accepted", 1, None, "")]
    events = [
        EventDocument(f"{number}" * 64, number, signer, delivered) for number, signer in enumerate(signers)
    ]
    return CallDocument(
        id="0190" * 8,
        state="ended",
        end_reason="agent",
        project="demo",
        transport="wav",
        engine="local",
        started_at=None,
        ended_at=None,
        agents=["ada", "max"],
        items=items,
        usage=UsageDocument(),
        cost_usd="0.00",
        publication=PublicationDocument(state, "0" * 64, "nevent1x", events),
    )


def timings(*handovers: HandoverTimed) -> Timings:
    kept = Timings()
    updates: tuple[CallUpdate, ...] = (StatusChanged(CallStatus.LISTENING), TurnTimed("ada", 800), *handovers)
    for update in updates:
        kept.note(update)
    return kept


CHECKED = ThreadCheck("embedded", (SignedEvent("e", "p", 1, 1, (), "head", "s"),), ())
GOOD = DemoResult(call_of(*TURNS), timings(HANDOVER), CHECKED, "ws://127.0.0.1:1", "call.wav", "")


def test_a_call_that_holds_has_no_problems():
    """Both agents spoke and signed, somebody was heard and answered, the thread was verified."""
    assert find_problems(GOOD, NPUBS) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"failure": "engine local: gone", "check": None}, "engine local: gone"),
        ({"call": call_of(ADA, MAX)}, "nobody was heard: the recording has no speech that was understood"),
        ({"timings": timings()}, "nobody asked for the other agent: there was no handover"),
        ({"call": call_of(ADA, CALLER, ADA)}, "max never spoke"),
        ({"call": call_of(ADA, CALLER, ADA)}, "max signed nothing"),
        ({"call": call_of(*TURNS, CALLER)}, "nobody answered: words 6"),
        ({"call": call_of(ADA, CALLER, CALLER, MAX)}, "nobody answered: words 2"),
        ({"check": replace(CHECKED, problems=("event 1: forged",))}, "event 1: forged"),
        ({"call": call_of(*TURNS, state="queued")}, "the thread is queued, not published"),
    ],
)
def test_each_broken_promise_is_a_problem(changes: dict[str, Any], problem: str):
    """What does not hold is named in a line of its own."""
    assert problem in find_problems(replace(GOOD, **changes), NPUBS)


@pytest.mark.parametrize(
    ("check", "is_verified"),
    [(CHECKED, True), (None, False), (replace(CHECKED, problems=("forged",)), False)],
)
def test_only_a_checked_thread_is_verified(check: ThreadCheck | None, is_verified: bool):
    """Without a thread that was read back there is nothing to vouch for."""
    assert demo_document(replace(GOOD, check=check), []).verified is is_verified


def test_the_document_is_the_calls_and_more():
    """Everything `call show` has is in it, with the names that the interface gives."""
    shown = json.loads(encode_document(demo_document(GOOD, ["a problem"])))
    assert msgspec.to_builtins(GOOD.call).items() <= shown.items()
    assert shown["signers"] == ["npub1home", "npub1ada", "npub1max"]
    assert shown["handovers"] == [{"from": "ada", "to": "max", "ms": 90}]
    assert shown["turns"] == [{"agent": "ada", "voice_to_voice_ms": 800}]
    assert (shown["relay"], shown["recording"]) == ("ws://127.0.0.1:1", "call.wav")
    assert shown["problems"] == ["a problem"]


def test_the_report_draws_the_thread_with_its_signers():
    """Each event has its signer and the relay's answer, each turn its words under it."""
    lines = describe_demo(demo_document(GOOD, []), NAMES).splitlines()
    thread = [line for line in lines if "signed by" in line]
    assert [line.split("signed by ")[1].split(" npub")[0] for line in thread] == [
        *("project demo", "ada", "project demo", "ada", "project demo", "max")
    ]
    assert all(line.endswith("accepted") for line in thread)
    assert lines[lines.index(thread[5]) + 1].strip() == "words 5"
    assert "link       nostr:nevent1x" in lines
    assert "verified   read back from the relay; every id and signature holds" in lines
    assert "handover   ada to max 90 ms" in lines


def test_a_thread_by_a_stranger_or_none_is_shown_as_such():
    """A signer nobody knows is somebody; without events there is no thread, and no link."""
    assert "signed by somebody" in describe_demo(demo_document(GOOD, []), {})
    bare = msgspec.structs.replace(GOOD.call, publication=PublicationDocument("failed", None, None, []))
    report = describe_demo(demo_document(replace(GOOD, call=bare, check=None), ["why"]), NAMES)
    for line in ("no thread", "link       none", "verified   NO", "problem    why"):
        assert line in report.splitlines()


def test_consecutive_turns_of_a_speaker_are_shown_as_the_one_note_they_are():
    """The words stand under the event that carries them, also when turns were merged."""
    merged = call_of(ADA, ADA, CALLER)
    events = merged.publication.events[:1] + [
        msgspec.structs.replace(event, position=number)
        for number, event in enumerate(merged.publication.events[2:], start=1)
    ]
    document = demo_document(
        replace(
            GOOD,
            call=msgspec.structs.replace(
                merged, publication=msgspec.structs.replace(merged.publication, events=events)
            ),
        ),
        [],
    )
    lines = [line.strip(" │") for line in describe_demo(document, NAMES).splitlines()]
    assert "words 1 words 2" in lines
    assert "words 3" in lines
