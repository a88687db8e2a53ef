"""The dialogue alone: events in, items and commands out."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.core.agent import AgentProfile
from agentvoice.core.item import ItemKind, ItemStatus, Role
from agentvoice.core.leg import CallStatus, HandoverTimed, TurnTimed
from agentvoice.core.speech import (
    AudioDelta,
    CreateItem,
    ItemAdded,
    ItemDone,
    ItemFailed,
    ItemRemoved,
    ItemTextDelta,
    Respond,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SpeechStarted,
    SpeechStopped,
    ToolCallRequested,
    TurnCommitted,
)
from tests.fakes.speech_session import sound
from tests.services.dialogue_scene import Scene


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_an_answer_is_kept_when_it_was_heard(scene: Scene):
    """Nothing is stored while the agent still speaks; all of it when it was heard out."""
    scene.reply("r1", "Hello there.", 500)
    assert scene.sink.rows == {}
    await scene.hear(499)
    assert scene.sink.rows == {}
    await scene.hear(1)
    assert [item.text for item in scene.sink.rows.values()] == ["Hello there."]
    assert scene.leg.status is CallStatus.LISTENING


async def test_an_underrun_does_not_finish_an_answer(scene: Scene):
    """The sound ran dry before the reply was done: the item goes on."""
    ref = scene.reply("r1", "One.", 100, end=False)
    await scene.hear(100)
    assert scene.sink.rows == {}
    scene.dialogue.item(ItemTextDelta(ref, " Two."))
    scene.dialogue.audio(AudioDelta(ref, 0, sound(100), "r1"))
    scene.end("r1")
    await scene.hear(100)
    assert scene.messages == [("One. Two.", ItemStatus.COMPLETED)]


async def test_a_failed_reply_is_heard_as_far_as_it_came(scene: Scene):
    """The provider broke off: what was sent is played and kept."""
    scene.reply("r1", "one two", 300, end=False)
    scene.end("r1", ResponseStatus.FAILED)
    assert scene.sink.rows == {}
    await scene.hear(300)
    assert scene.messages == [("one two", ItemStatus.COMPLETED)]


async def test_a_text_reply_is_kept_at_once(scene: Scene):
    """A reply without sound needs no playing."""
    scene.dialogue.response_started(ResponseStarted("r1"))
    scene.dialogue.item(ItemAdded("x", ItemKind.MESSAGE, Role.AGENT, "r1"))
    scene.dialogue.item(ItemTextDelta("x", "written"))
    scene.dialogue.item(ItemDone("x"))
    scene.dialogue.response_ended(ResponseEnded("r1", ResponseStatus.COMPLETED))
    assert [item.text for item in scene.sink.rows.values()] == ["written"]


async def test_a_typed_turn_enters_and_asks_for_a_reply(scene: Scene):
    """Typed words are stored, given to the session, and answered."""
    scene.dialogue.typed("Hello")
    (item,) = scene.sink.rows.values()
    assert (item.text, item.role) == ("Hello", Role.USER)
    assert scene.told == [CreateItem(item), Respond()]
    assert scene.leg.status is CallStatus.THINKING


async def test_every_text_of_the_caller_is_told(scene: Scene):
    """Spoken or typed: what could be a wish about publishing is heard, once."""
    scene.dialogue.item(TurnCommitted("u1"))
    scene.dialogue.item(ItemDone("u1", "spoken"))
    scene.dialogue.typed("typed")
    assert scene.heard_texts == ["spoken", "typed"]


async def test_a_turn_without_words_gives_the_turn_back(scene: Scene):
    """Noise was taken for a turn: nobody waits for a reply to it."""
    scene.dialogue.item(TurnCommitted("u1"))
    assert scene.dialogue.owes_reply
    scene.dialogue.item(ItemRemoved("u1"))
    assert not scene.dialogue.owes_reply
    assert scene.leg.status is CallStatus.LISTENING


async def test_the_end_of_an_old_reply_does_not_end_the_wait_for_the_new(scene: Scene):
    """A cancelled reply's end comes after the caller's next turn: the agent is still thinking."""
    scene.reply("r1", "old", 500, end=False)
    scene.dialogue.speech_started(SpeechStarted(0))
    await scene.reports()
    scene.dialogue.item(TurnCommitted("u1"))
    scene.end("r1", ResponseStatus.CANCELLED)
    assert scene.leg.status is CallStatus.THINKING


async def test_a_failed_turn_stops_the_wait(scene: Scene):
    """The engine could not answer: the caller is not kept waiting."""
    scene.dialogue.item(TurnCommitted("u1"))
    scene.dialogue.no_reply_comes()
    assert scene.leg.status is CallStatus.LISTENING


async def test_turns_are_timed_from_the_end_of_the_speech(scene: Scene):
    """End-pointing counts: the speech ended 400 ms of sound ago."""
    scene.dialogue.audio_appended(1_000)
    scene.dialogue.speech_stopped(SpeechStopped(600))
    await scene.clock.advance(0.3)
    scene.reply("r1", "Hi", 100)
    assert scene.leg.shown_of(TurnTimed) == [TurnTimed("ada", 700)]


async def test_a_handover_is_shown_and_timed(scene: Scene):
    """The new agent's first sound ends the handover's time."""
    asked_at_s = scene.clock.monotonic_s()
    await scene.clock.advance(0.05)
    scene.dialogue.handed_over(AgentProfile("max", "Max"), asked_at_s)
    scene.reply("r1", "Max here", 100)
    assert scene.leg.shown_of(HandoverTimed) == [HandoverTimed("ada", "max", 50)]
    assert [item.agent for item in scene.dialogue.conversation.items] == ["max", "max"]


async def test_a_tools_answer_is_kept_with_its_call(scene: Scene):
    """Call and result are stored, joined by the call's id."""
    call = ToolCallRequested("t1", "c1", "transfer_to_max")
    scene.dialogue.item(call)
    scene.dialogue.tool_answered(call, '{"ok":true}')
    kinds = [(item.kind, item.tool_name) for item in scene.sink.rows.values()]
    assert kinds == [(ItemKind.TOOL_CALL, "transfer_to_max"), (ItemKind.TOOL_RESULT, "transfer_to_max")]


async def test_the_end_of_a_session_finishes_everything(scene: Scene):
    """What was being said is cut as heard, a turn without transcript is marked."""
    scene.dialogue.item(TurnCommitted("u1"))
    scene.reply("r1", "one two three four", 1_000, end=False)
    await scene.hear(500)
    scene.dialogue.cut_everything()
    assert scene.messages == [("", ItemStatus.FAILED), ("one two", ItemStatus.INTERRUPTED)]
    assert len(scene.sink.rows) == 2


async def test_a_failed_transcription_is_kept_marked(scene: Scene):
    """A turn whose words could not be had is stored as such."""
    scene.dialogue.item(TurnCommitted("u1"))
    scene.dialogue.item(ItemFailed("u1", "no words"))
    assert [item.status for item in scene.sink.rows.values()] == [ItemStatus.FAILED]


async def test_waiting_for_silence_ends_with_the_last_sample(scene: Scene):
    """A handover lets the old agent's words be heard to their end."""
    scene.reply("r1", "bye", 200)
    waiting = asyncio.ensure_future(scene.dialogue.played_out())
    await scene.hear(199)
    assert not waiting.done()
    await scene.hear(1)
    await waiting
    await scene.dialogue.played_out()  # and at once when it is silent
