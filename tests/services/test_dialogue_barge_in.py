"""The caller speaks over the agent: what is cleared, cut and cancelled, in which order."""

from __future__ import annotations

import pytest

from agentvoice.core.item import ItemKind, ItemStatus, Role
from agentvoice.core.speech import (
    AudioDelta,
    CancelResponse,
    ItemAdded,
    ItemTextDelta,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SpeechStarted,
    TruncateItem,
)
from tests.fakes.speech_session import sound
from tests.services.dialogue_scene import Scene


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_barge_in_clears_cuts_and_cancels_in_that_order(scene: Scene):
    """Output cleared, item truncated at the millisecond heard, response cancelled."""
    ref = scene.reply("r1", "one two three four", 1_000, end=False)
    await scene.hear(500)
    scene.dialogue.speech_started(SpeechStarted(0))
    assert scene.leg.clears == 1
    await scene.reports()
    assert scene.told == [TruncateItem(ref, 0, 500, "one two"), CancelResponse("r1")]
    scene.end("r1", ResponseStatus.CANCELLED)
    assert scene.messages == [("one two", ItemStatus.INTERRUPTED)]


async def test_manual_and_vad_cut_alike(scene: Scene):
    """A button and a voice cut at the same millisecond."""
    cuts = []
    for number, interrupt in enumerate(
        (scene.dialogue.interrupt, lambda: scene.dialogue.speech_started(SpeechStarted(0)))
    ):
        scene.reply(f"r{number}", "one two three four", 1_000)
        await scene.hear(437)
        interrupt()
        await scene.reports()
        cuts.append(scene.told_of(TruncateItem)[-1].heard_ms)  # type: ignore[union-attr] # told_of gives what it was asked for
    assert cuts == [437, 437]


async def test_nothing_heard_deletes(scene: Scene):
    """Barge-in before the first sample: the item is deleted (0 ms), its text is empty."""
    ref = scene.reply("r1", "one two", 1_000)
    scene.dialogue.interrupt()
    await scene.reports()
    assert scene.told == [TruncateItem(ref, 0, 0, "")]
    assert scene.messages == [("", ItemStatus.INTERRUPTED)]


async def test_fully_heard_is_not_truncated(scene: Scene):
    """An answer heard to its end stays whole when the caller speaks."""
    scene.reply("r1", "one two", 300)
    await scene.hear(300)
    scene.dialogue.speech_started(SpeechStarted(0))
    await scene.reports()
    assert scene.told == []
    assert scene.messages == [("one two", ItemStatus.COMPLETED)]


async def test_heard_out_between_order_and_clearing(scene: Scene):
    """The leg played the last samples before the order arrived: nothing is cut."""
    scene.reply("r1", "one two", 300)
    scene.leg.play(sound(0))
    scene.leg._hear(300)  # played, not reported yet
    scene.dialogue.interrupt()
    await scene.reports()
    assert scene.told == []
    assert scene.messages == [("one two", ItemStatus.COMPLETED)]


async def test_late_audio_never_plays(scene: Scene):
    """Sound of an interrupted reply that arrives later is dropped until its end."""
    ref = scene.reply("r1", "one", 500, end=False)
    scene.dialogue.interrupt()
    await scene.reports()
    scene.dialogue.audio(AudioDelta(ref, 0, sound(500), "r1"))
    assert scene.leg.queued_samples == 0


async def test_newer_reply_survives(scene: Scene):
    """An interrupt meant for reply 1 leaves reply 2, which came before the leg had cleared."""
    scene.reply("r1", "old words", 1_000)
    scene.dialogue.interrupt()
    scene.leg.queued_samples = 0
    scene.reply("r2", "new", 200)
    await scene.reports()
    await scene.hear(200)
    assert scene.messages == [("", ItemStatus.INTERRUPTED), ("new", ItemStatus.COMPLETED)]
    assert scene.told_of(CancelResponse) == []


async def test_a_reply_without_sound_yet_is_cancelled_at_once(scene: Scene):
    """Barge-in while the agent thinks: there is nothing to clear, only to cancel."""
    scene.dialogue.response_started(ResponseStarted("r1"))
    scene.dialogue.speech_started(SpeechStarted(0))
    assert (scene.leg.clears, scene.told) == (0, [CancelResponse("r1")])


async def test_a_cancelled_reply_without_sound_leaves_an_empty_marked_item(scene: Scene):
    """What was written but never spoken is not kept as said."""
    scene.dialogue.response_started(ResponseStarted("r1"))
    scene.dialogue.item(ItemAdded("x", ItemKind.MESSAGE, Role.AGENT, "r1"))
    scene.dialogue.item(ItemTextDelta("x", "never said"))
    scene.dialogue.interrupt()
    scene.dialogue.response_ended(ResponseEnded("r1", ResponseStatus.CANCELLED))
    assert scene.messages == [("", ItemStatus.INTERRUPTED)]


async def test_a_typed_turn_interrupts(scene: Scene):
    """Typing while the agent speaks is a barge-in too; the order to cancel names the old reply."""
    scene.reply("r1", "one two", 1_000, end=False)
    scene.dialogue.typed("stop")
    await scene.reports()
    assert scene.told_of(CancelResponse) == [CancelResponse("r1")]
