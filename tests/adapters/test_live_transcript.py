from __future__ import annotations

from dataclasses import replace

import pytest

from agentvoice.adapters.live_transcript import LiveTranscript
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.leg import (
    AgentChanged,
    CallStatus,
    CallUpdate,
    ItemChanged,
    PublishingChanged,
    StatusChanged,
    TurnTimed,
)

SAID = Item("1", 1, ItemKind.MESSAGE, Role.USER, "ada", "Hello.", ItemStatus.COMPLETED)
ANSWER = Item("2", 2, ItemKind.MESSAGE, Role.AGENT, "ada", "Hi there.", ItemStatus.COMPLETED)


def lines_of(*updates: CallUpdate) -> list[str]:
    lines: list[str] = []
    transcript = LiveTranscript(lines.append)
    for update in updates:
        transcript(update)
    return lines


def test_each_finished_turn_is_a_line():
    """Speakers are shown by name, an agent nobody introduced by its slug."""
    named = lines_of(AgentChanged("ada", "Ada"), ItemChanged(SAID), ItemChanged(ANSWER))
    assert named == ["— Ada is on the call —", "you: Hello.", "Ada: Hi there."]
    assert lines_of(ItemChanged(ANSWER)) == ["ada: Hi there."]


def test_a_turn_is_written_once_until_it_grows():
    """The same finished item again is no new line; a re-opened, longer one is."""
    longer = replace(SAID, text="Hello. How are you?")
    growing = replace(SAID, status=ItemStatus.IN_PROGRESS)
    assert lines_of(*map(ItemChanged, (growing, SAID, SAID, growing, longer))) == [
        "you: Hello.",
        "you: Hello. How are you?",
    ]


def test_what_was_said_cannot_steer_the_terminal():
    """A name or an answer with terminal commands, line ends or a change of writing direction is plain text."""
    hostile = replace(ANSWER, text="Hi\x1b[2J\r\nyou: yes\u202e")
    assert lines_of(AgentChanged("ada", "A\x1b]0;x\x07da"), ItemChanged(hostile)) == [
        "— A ]0;x da is on the call —",
        "A ]0;x da: Hi [2J you: yes",
    ]


def test_an_interrupted_answer_is_marked():
    """What the caller did not hear to its end carries a mark."""
    assert lines_of(ItemChanged(replace(ANSWER, status=ItemStatus.INTERRUPTED))) == ["ada: Hi there. …"]


def test_notices_and_refusals_are_shown():
    """A notice is in brackets; that nothing will be published is said once."""
    notice = replace(SAID, kind=ItemKind.NOTICE, role=Role.SYSTEM, text="The connection was lost.")
    refused = PublishingChanged("public", ("embedded",), refused=True)
    assert lines_of(ItemChanged(notice), refused, refused) == [
        "(The connection was lost.)",
        "— this call will not be published —",
    ]


@pytest.mark.parametrize(
    "update",
    [
        StatusChanged(CallStatus.SPEAKING),
        TurnTimed("ada", 700),
        PublishingChanged("public", ()),
        ItemChanged(replace(SAID, text="")),
        *(ItemChanged(replace(SAID, kind=kind)) for kind in (ItemKind.TOOL_CALL, ItemKind.HANDOVER)),
    ],
    ids=["status", "timing", "publishing", "no words", "tool call", "handover"],
)
def test_what_nobody_said_is_no_line(update: CallUpdate):
    """Status, timings and tool calls are not part of a transcript."""
    assert lines_of(update) == []
