from __future__ import annotations

from itertools import count

import pytest

from agentvoice.core.conversation import Conversation
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.playback import Cut
from agentvoice.core.speech import (
    ItemAdded,
    ItemDone,
    ItemFailed,
    ItemRemoved,
    ItemTextDelta,
    ToolCallRequested,
    TurnCommitted,
    TurnReopened,
)

NOW = 1_700_000_000_000


@pytest.fixture
def conversation() -> Conversation:
    numbers = count(1)
    talk = Conversation("ada", lambda: f"id{next(numbers)}")
    talk.begin_session(aligned=True)
    return talk


def said(talk: Conversation, ref: str, text: str) -> Item:
    """The agent says a whole message; it is not heard yet."""
    talk.apply(ItemAdded(ref, ItemKind.MESSAGE, Role.AGENT), NOW)
    talk.apply(ItemTextDelta(ref, text), NOW)
    return talk.apply(ItemDone(ref), NOW)[0]


def test_transcript_in_its_place(conversation: Conversation):
    """A user transcript that arrives after the reply stands where the turn began."""
    conversation.apply(TurnCommitted("u1"), NOW)
    said(conversation, "a1", "Hello.")
    conversation.heard("a1", NOW + 5)
    conversation.apply(ItemDone("u1", "Hi there"), NOW + 9)
    assert [(item.role, item.text, item.position) for item in conversation.items] == [
        (Role.USER, "Hi there", 0),
        (Role.AGENT, "Hello.", 1),
    ]


def test_committed_and_added_are_one_item(conversation: Conversation):
    """A spoken turn that is announced twice enters once."""
    assert conversation.apply(TurnCommitted("u1"), NOW) != ()
    assert conversation.apply(ItemAdded("u1", ItemKind.MESSAGE, Role.USER), NOW) == ()
    assert len(conversation.items) == 1


def test_unknown_predecessor(conversation: Conversation):
    """An item whose predecessor is unknown is kept, at the end."""
    conversation.apply(TurnCommitted("u1"), NOW)
    conversation.apply(ItemAdded("x", ItemKind.MESSAGE, Role.AGENT, previous_ref="never seen"), NOW)
    assert [item.position for item in conversation.items] == [0, 1]


def test_an_answer_is_finished_when_it_is_done_and_heard(conversation: Conversation):
    """Done alone is not enough: what is stored is what was heard."""
    assert said(conversation, "a1", "Hello.").status is ItemStatus.IN_PROGRESS
    (item,) = conversation.heard("a1", NOW + 7)
    assert (item.status, item.completed_at) == (ItemStatus.COMPLETED, NOW + 7)


def test_heard_before_done_does_not_finish(conversation: Conversation):
    """Sound that ran dry in the middle of an answer does not finish it."""
    conversation.apply(ItemAdded("a1", ItemKind.MESSAGE, Role.AGENT), NOW)
    assert conversation.heard("a1", NOW) == ()
    assert conversation.apply(ItemDone("a1", "Hi"), NOW)[0].status is ItemStatus.IN_PROGRESS


def test_a_user_turn_is_finished_by_its_transcript(conversation: Conversation):
    """What the caller said needs no playing."""
    conversation.apply(TurnCommitted("u1"), NOW)
    (item,) = conversation.apply(ItemDone("u1", "Hi"), NOW + 3)
    assert (item.status, item.text, item.completed_at) == (ItemStatus.COMPLETED, "Hi", NOW + 3)


def test_stale_deltas_lose(conversation: Conversation):
    """A final transcript is not overwritten by later deltas or a second end."""
    conversation.apply(TurnCommitted("u1"), NOW)
    conversation.apply(ItemDone("u1", "final"), NOW)
    assert conversation.apply(ItemTextDelta("u1", " late"), NOW) == ()
    assert conversation.apply(ItemDone("u1", "other"), NOW) == ()
    assert conversation.items[0].text == "final"


def test_deltas_after_the_agents_end_lose(conversation: Conversation):
    """The same for an answer that is done but still being heard."""
    said(conversation, "a1", "final")
    assert conversation.apply(ItemTextDelta("a1", " late"), NOW) == ()


def test_a_failed_transcription_leaves_a_marked_item(conversation: Conversation):
    """A turn whose words could not be had is marked, not a hole."""
    conversation.apply(TurnCommitted("u1"), NOW)
    (item,) = conversation.apply(ItemFailed("u1", "noise"), NOW)
    assert (item.status, item.text) == (ItemStatus.FAILED, "")
    assert conversation.apply(ItemFailed("u1", "again"), NOW) == ()


def test_a_turn_without_words_is_removed(conversation: Conversation):
    """Its position is not given to anybody else."""
    conversation.apply(TurnCommitted("u1"), NOW)
    conversation.apply(ItemRemoved("u1"), NOW)
    conversation.apply(TurnCommitted("u2"), NOW)
    assert [(item.position, item.id) for item in conversation.items] == [(1, "id2")]
    assert conversation.apply(ItemRemoved("nobody"), NOW) == ()


def test_a_finished_turn_is_not_removed(conversation: Conversation):
    """What was kept stays."""
    conversation.apply(TurnCommitted("u1"), NOW)
    conversation.apply(ItemDone("u1", "Hi"), NOW)
    conversation.apply(ItemRemoved("u1"), NOW)
    assert len(conversation.items) == 1


def test_a_turn_reopens_and_takes_a_longer_text(conversation: Conversation):
    """The caller went on speaking: the same item gets the joined text."""
    conversation.apply(TurnCommitted("u1"), NOW)
    conversation.apply(ItemDone("u1", "I want"), NOW)
    (item,) = conversation.apply(TurnReopened("u1"), NOW)
    assert item.status is ItemStatus.IN_PROGRESS
    (item,) = conversation.apply(ItemDone("u1", "I want a coffee"), NOW)
    assert (item.position, item.text) == (0, "I want a coffee")
    assert conversation.apply(TurnReopened("nobody"), NOW) == ()


def test_a_cut_keeps_what_was_heard(conversation: Conversation):
    """An interrupted answer is cut where the caller stopped hearing it, and marked."""
    conversation.apply(ItemAdded("a1", ItemKind.MESSAGE, Role.AGENT), NOW)
    conversation.apply(ItemTextDelta("a1", "One sentence."), NOW, received_ms=0)
    conversation.apply(ItemTextDelta("a1", " Another one."), NOW, received_ms=1_000)
    (item,) = conversation.cut(Cut("a1", 0, 1_000, 2_000), NOW + 1)
    assert (item.text, item.status, item.heard_ms) == ("One sentence.", ItemStatus.INTERRUPTED, 1_000)
    assert conversation.cut(Cut("a1", 0, 0, 2_000), NOW) == ()
    assert conversation.heard("a1", NOW) == ()


def test_text_of_an_unaligned_engine_is_cut_evenly(conversation: Conversation):
    """Without alignment the marks are not trusted."""
    conversation.begin_session(aligned=False)
    conversation.apply(ItemAdded("a1", ItemKind.MESSAGE, Role.AGENT), NOW)
    conversation.apply(ItemTextDelta("a1", "one two three four"), NOW, received_ms=0)
    (item,) = conversation.cut(Cut("a1", 0, 500, 1_000), NOW)
    assert item.text == "one two"


def test_another_final_text_replaces_the_deltas(conversation: Conversation):
    """The final text wins over what the deltas gave, and its cut no longer uses their marks."""
    conversation.apply(ItemAdded("a1", ItemKind.MESSAGE, Role.AGENT), NOW)
    conversation.apply(ItemTextDelta("a1", "wan"), NOW)
    conversation.apply(ItemDone("a1", "one two three four"), NOW)
    (item,) = conversation.cut(Cut("a1", 0, 500, 1_000), NOW)
    assert item.text == "one two"


def test_a_tool_call_and_its_result_are_joined(conversation: Conversation):
    """The result carries the call's id; both are finished at once."""
    (call,) = conversation.apply(ToolCallRequested("t1", "call_1", "end_call", "{}"), NOW)
    result = conversation.add_tool_result(call, '{"ok":true}', NOW)
    assert (call.kind, call.tool_call_id) == (ItemKind.TOOL_CALL, call.id)
    assert (result.kind, result.tool_call_id, result.text) == (ItemKind.TOOL_RESULT, call.id, '{"ok":true}')
    assert conversation.unfinished() == ()


def test_a_tool_call_that_was_announced_stays_one_item(conversation: Conversation):
    """`item added` and `tool call requested` are the same item."""
    conversation.apply(ItemAdded("t1", ItemKind.TOOL_CALL, Role.AGENT), NOW)
    conversation.apply(ToolCallRequested("t1", "call_1", "end_call"), NOW)
    assert len(conversation.items) == 1


def test_a_handover_changes_the_speaker(conversation: Conversation):
    """Items after a handover belong to the new agent."""
    item = conversation.hand_over("max", NOW)
    assert (item.kind, item.text, item.agent) == (ItemKind.HANDOVER, "ada -> max", "max")
    assert conversation.agent == "max"
    assert conversation.add_user_text("hi", NOW).agent == "max"


def test_refs_belong_to_their_session(conversation: Conversation):
    """A new session may use the same refs again: they are other items."""
    conversation.apply(TurnCommitted("u1"), NOW)
    conversation.begin_session(aligned=False)
    assert conversation.item_of("u1") is None
    conversation.apply(TurnCommitted("u1"), NOW)
    assert len(conversation.items) == 2


def test_events_of_unknown_items_change_nothing(conversation: Conversation):
    """Late events of items that are gone are survived."""
    for event in (ItemTextDelta("x", "t"), ItemDone("x", "t"), ItemFailed("x", "r")):
        assert conversation.apply(event, NOW) == ()
    assert conversation.heard("x", NOW) == conversation.cut(Cut("x", 0, 1, 2), NOW) == ()


def test_notices_are_kept(conversation: Conversation):
    """A notice is an item of the system, finished at once."""
    item = conversation.add_notice("careful", NOW)
    assert (item.kind, item.role, item.is_finished) == (ItemKind.NOTICE, Role.SYSTEM, True)


def test_unfinished_items_are_named_in_order(conversation: Conversation):
    """The end of a session finds what is still open."""
    conversation.apply(TurnCommitted("u1"), NOW)
    said(conversation, "a1", "Hello")
    assert conversation.unfinished() == ("u1", "a1")


def test_a_turn_that_reopens_before_its_words_came_is_one_turn(conversation: Conversation):
    """The caller went on before the transcript was there: the joined words are the turn's first."""
    conversation.apply(TurnCommitted("u1"), NOW)
    conversation.apply(TurnReopened("u1"), NOW)
    (item,) = conversation.apply(ItemDone("u1", "I want a coffee"), NOW)
    assert (item.position, item.text, item.status) == (0, "I want a coffee", ItemStatus.COMPLETED)
