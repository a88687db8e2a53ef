"""What was never heard is never kept: late sound, sound of a session that is gone, turns taken back."""

from __future__ import annotations

import pytest

from agentvoice.core.item import ItemStatus
from agentvoice.core.speech import (
    AudioDelta,
    ItemDone,
    ItemFailed,
    ItemRemoved,
    ItemTextDelta,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    TruncateItem,
    TurnCommitted,
    TurnReopened,
)
from tests.fakes.speech_session import sound
from tests.services.dialogue_scene import Scene


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_a_reply_that_ends_before_its_cancelling_arrives_was_not_heard(scene: Scene):
    """Interrupted before its first sound, complete all the same: not a word of it reached the caller."""
    scene.dialogue.response_started(ResponseStarted("r1"))
    scene.dialogue.interrupt()
    scene.told.clear()
    ref = scene.reply("r1", "one two three four", 1_000)
    assert scene.messages == [("", ItemStatus.INTERRUPTED)]
    assert scene.told_of(TruncateItem) == [TruncateItem(ref, 0, 0, "")]
    assert scene.leg.queued_samples == 0


async def test_sound_after_an_interrupted_underrun_was_not_heard(scene: Scene):
    """All that had come was heard when the caller interrupted; the rest came too late."""
    ref = scene.reply("r1", "one two", 500, end=False)
    await scene.hear(500)
    scene.dialogue.interrupt()
    scene.told.clear()
    scene.dialogue.item(ItemTextDelta(ref, " three four"))
    scene.dialogue.audio(AudioDelta(ref, 0, sound(500), "r1"))
    scene.end("r1")
    assert scene.messages == [("one two", ItemStatus.INTERRUPTED)]
    assert scene.told_of(TruncateItem) == [TruncateItem(ref, 0, 500, "one two")]


async def test_late_sound_before_the_leg_has_cleared_was_not_heard(scene: Scene):
    """The leg played the last samples that it had before it cleared: the item still lacks its end."""
    ref = scene.reply("r1", "one two", 500, end=False)
    scene.leg._hear(500)  # played, not reported yet
    scene.dialogue.interrupt()
    scene.dialogue.item(ItemTextDelta(ref, " three four"))
    scene.dialogue.audio(AudioDelta(ref, 0, sound(500), "r1"))
    scene.end("r1")
    await scene.reports()
    assert scene.messages == [("one two", ItemStatus.INTERRUPTED)]
    assert scene.told_of(TruncateItem) == [TruncateItem(ref, 0, 500, "one two")]


async def test_the_next_session_may_use_the_same_refs(scene: Scene):
    """What was heard of the old session's item counts nothing for the new one's."""
    scene.reply("r1", "old", 400, end=False)
    await scene.hear(400)
    scene.dialogue.join_session(aligned=True)
    ref = scene.reply("r1", "one two three four", 1_000, end=False)
    await scene.hear(500)
    scene.dialogue.interrupt()
    await scene.reports()
    assert scene.told_of(TruncateItem) == [TruncateItem(ref, 0, 500, "one two")]


async def test_a_reply_that_its_session_took_along_is_owed(scene: Scene):
    """Half of it was heard: it stays open until the next session is joined, and is cut there."""
    scene.reply("r1", "one two", 500, end=False)
    await scene.hear(500)
    scene.end("r1", ResponseStatus.LOST)
    assert scene.dialogue.owes_reply
    scene.dialogue.cut_everything()
    assert scene.messages == [("one two", ItemStatus.INTERRUPTED)]


async def test_an_interrupted_reply_that_its_session_took_along_is_not_owed(scene: Scene):
    """The caller did not want to hear more of it."""
    scene.reply("r1", "one two", 500, end=False)
    scene.dialogue.interrupt()
    scene.end("r1", ResponseStatus.LOST)
    assert not scene.dialogue.owes_reply


async def test_sound_of_a_session_that_is_gone_stops(scene: Scene):
    """Its items are finished as heard, so the leg plays no more of them over the next session's."""
    scene.reply("r1", "one two three four", 1_000, end=False)
    await scene.hear(500)
    scene.dialogue.join_session(aligned=True)
    assert scene.leg.queued_samples == 0
    assert scene.messages == [("one two", ItemStatus.INTERRUPTED)]


async def test_old_sound_does_not_count_as_heard_of_the_new(scene: Scene):
    """What the leg played of the old session until it cleared is not the new reply's."""
    scene.reply("r1", "old words", 1_000, end=False)
    scene.dialogue.join_session(aligned=True)
    scene.reply("r1", "one two three four", 1_000, end=False)
    samples = sound(300).sample_count
    scene.dialogue.played(samples)  # of the old reply: the order to clear is still on its way
    scene.dialogue.output_cleared(samples)
    scene.dialogue.played(samples + sound(500).sample_count)
    scene.dialogue.interrupt()
    scene.dialogue.output_cleared(samples + sound(500).sample_count)
    assert scene.messages[1] == ("one two", ItemStatus.INTERRUPTED)
    assert scene.told_of(TruncateItem)[-1].heard_ms == 500  # type: ignore[union-attr] # told_of gives what it was asked for


@pytest.mark.parametrize("nothing", [ItemRemoved("u1"), ItemFailed("u1", "no words")])
async def test_a_reopened_turn_that_comes_to_nothing_is_as_before(
    scene: Scene, nothing: ItemRemoved | ItemFailed
):
    """The longer sound gave no words: what was understood and stored first stays."""
    scene.dialogue.item(TurnCommitted("u1"))
    scene.dialogue.item(ItemDone("u1", "Hello"))
    scene.dialogue.item(TurnReopened("u1"))
    scene.dialogue.item(TurnCommitted("u1"))
    scene.dialogue.item(nothing)
    assert scene.messages == [("Hello", ItemStatus.COMPLETED)]
    assert [(item.text, item.status) for item in scene.sink.rows.values()] == scene.messages


async def test_a_reopened_turn_keeps_its_place_and_gets_its_longer_text(scene: Scene):
    """The reply to the shorter one was not heard; the reply to the longer one stands after both."""
    scene.dialogue.item(TurnCommitted("u1"))
    scene.dialogue.item(ItemDone("u1", "Hello"))
    scene.dialogue.response_started(ResponseStarted("r1"))
    scene.dialogue.item(TurnReopened("u1"))
    scene.dialogue.response_ended(ResponseEnded("r1", ResponseStatus.CANCELLED))
    scene.dialogue.item(TurnCommitted("u1"))
    assert scene.dialogue.owes_reply
    scene.dialogue.item(ItemDone("u1", "Hello there"))
    scene.reply("r2", "Hi", 10)
    await scene.hear(10)
    assert scene.messages == [("Hello there", ItemStatus.COMPLETED), ("Hi", ItemStatus.COMPLETED)]
    assert [item.position for item in scene.sink.rows.values()] == [0, 1]
    assert scene.heard_texts == ["Hello", "Hello there"]


async def test_a_report_after_the_clearing_changes_nothing(scene: Scene):
    """A device reports its last block after it has cleared, with an older total."""
    scene.reply("r1", "one two three four", 1_000, end=False)
    scene.dialogue.interrupt()
    scene.dialogue.output_cleared(sound(500).sample_count)
    scene.reply("r2", "new", 100)
    scene.dialogue.played(sound(480).sample_count)
    assert scene.messages == [("one two", ItemStatus.INTERRUPTED), ("new", ItemStatus.IN_PROGRESS)]
    scene.dialogue.played(sound(600).sample_count)
    assert scene.messages[1] == ("new", ItemStatus.COMPLETED)
