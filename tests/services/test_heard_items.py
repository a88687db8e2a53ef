"""Items end as they were heard."""

from __future__ import annotations

import pytest

from agentvoice.core.item import ItemStatus
from agentvoice.core.playback import Cut
from agentvoice.core.speech import AudioDelta, ResponseStatus, TruncateItem, TurnCommitted
from tests.fakes.speech_session import sound
from tests.services.dialogue_scene import Scene


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_an_item_is_finished_when_its_sound_was_heard(scene: Scene):
    """Done by the session is not heard by the caller."""
    scene.reply("r1", "one two", 300)
    assert scene.messages == [("one two", ItemStatus.IN_PROGRESS)]
    await scene.hear(300)
    assert scene.messages == [("one two", ItemStatus.COMPLETED)]


async def test_a_cut_is_told_to_the_session_with_the_text_that_was_heard(scene: Scene):
    """The session's context is cut as ours is."""
    ref = scene.reply("r1", "one two three four", 1_000)
    scene.dialogue._items.cut_short(Cut(ref, 0, 500, 1_000))
    assert scene.told == [TruncateItem(ref, 0, 500, "one two")]


async def test_sound_that_came_too_late_ends_its_item_where_it_was_heard(scene: Scene):
    """What was dropped is not in the text."""
    ref = scene.reply("r1", "one two", 300, end=False)
    await scene.hear(300)
    scene.dialogue.interrupt()
    scene.dialogue.audio(AudioDelta(ref, 0, sound(300), "r1"))
    assert scene.messages == [("one", ItemStatus.INTERRUPTED)]


async def test_a_failed_reply_is_cut_at_what_came(scene: Scene):
    """All that was received was heard, and it is not the whole answer."""
    scene.reply("r1", "one two", 300, end=False)
    await scene.hear(300)
    scene.end("r1", ResponseStatus.FAILED)
    assert scene.messages == [("one two", ItemStatus.INTERRUPTED)]


async def test_nothing_stays_open_at_the_end(scene: Scene):
    """A turn without a transcript becomes a marked item, an answer ends where it was heard."""
    scene.dialogue.item(TurnCommitted("turn"))
    scene.reply("r1", "one two three four", 1_000)
    await scene.hear(500)
    scene.dialogue.cut_everything()
    assert scene.messages == [("", ItemStatus.FAILED), ("one two", ItemStatus.INTERRUPTED)]
