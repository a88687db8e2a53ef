"""Where items stand and what they say, whatever order the provider tells of them in."""

from __future__ import annotations

import pytest

from agentvoice.core.item import ItemStatus, Role
from agentvoice.core.leg import InterruptPressed
from tests.fakes.realtime_provider import answer
from tests.realtime_calls.conftest import RealtimeHouse
from tests.realtime_calls.test_handover import created

WORDS = "What time is it?"


async def test_transcript_in_its_place(house: RealtimeHouse):
    """The words of a turn come after its answer was heard: they stand before it."""
    session = await house.live_call()
    await session.committed("u1")
    await session.replies("r1", "Noon.", 100)
    await house.settle()
    await house.hears_all()
    await session.transcript("u1", WORDS)
    await house.settle()
    assert house.messages() == [
        (Role.USER, WORDS, ItemStatus.COMPLETED),
        (Role.AGENT, "Noon.", ItemStatus.COMPLETED),
    ]
    await house.hang_up()


async def test_transcripts_of_two_turns_in_the_wrong_order(house: RealtimeHouse):
    """The second turn's words come first: each stands where its turn began."""
    session = await house.live_call()
    await session.committed("u1")
    await session.committed("u2", "u1")
    await session.transcript("u2", "Second.")
    await session.transcript("u1", "First.")
    await house.settle()
    assert [text for _, text, _ in house.messages()] == ["First.", "Second."]
    await house.hang_up()


async def test_a_failed_transcription_is_a_marked_item(house: RealtimeHouse):
    """No words could be had: the turn is there, marked, between its neighbours."""
    session = await house.live_call()
    await session.turn("u1", "First.")
    await session.committed("u2", "u1")
    await session.turn("u3", "Third.", "u2")
    await session.transcript_failed("u2")
    await house.settle()
    assert house.messages() == [
        (Role.USER, "First.", ItemStatus.COMPLETED),
        (Role.USER, "", ItemStatus.FAILED),
        (Role.USER, "Third.", ItemStatus.COMPLETED),
    ]
    await house.hang_up()


async def test_stale_deltas_lose(house: RealtimeHouse):
    """Words and text that come after the final text change nothing."""
    session = await house.live_call()
    await session.committed("u1")
    await session.words("u1", "What")
    await session.transcript("u1", WORDS)
    await session.words("u1", " time was it?")
    await session.transcript("u1", "What time was it?")
    item = await session.speaks_on("r1", "Noon.", 100)
    await session.finishes("r1", answer(item, "Noon.", "completed"))
    await session.writes("r1", item, " Or later.")
    await session.finishes("r1", answer(item, "Noon. Or later.", "completed"))
    await session.ends("r1", output=[answer(item, "Never.", "completed")])
    await house.settle()
    await house.hears_all()
    assert [text for _, text, _ in house.messages()] == [WORDS, "Noon."]
    assert [item.text for item in house.leg.items.values()] == [WORDS, "Noon."]
    await house.hang_up()


async def test_deltas_after_the_item_is_done_and_before_the_reply_is(house: RealtimeHouse):
    """The reply still runs: late text of its finished item loses all the same."""
    session = await house.live_call()
    item = await session.speaks_on("r1", "Noon.", 100)
    await session.finishes("r1", answer(item, "Noon.", "completed"))
    await session.writes("r1", item, " Or later.")
    await session.ends("r1")
    await house.settle()
    await house.hears_all()
    assert [text for _, text, _ in house.messages()] == ["Noon."]
    await house.hang_up()


@pytest.mark.parametrize("told_by", ["committed", "added"])
async def test_unknown_predecessor(house: RealtimeHouse, told_by: str):
    """An item whose predecessor nobody knows is kept, at the end."""
    session = await house.live_call()
    await session.turn("u1", "First.")
    if told_by == "committed":
        await session.committed("u2", "item_of_nobody")
    else:
        item = {"id": "u2", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
        await session.say("conversation.item.added", item=item, previous_item_id="item_of_nobody")
    await session.transcript("u2", "Second.")
    await house.settle()
    assert [text for _, text, _ in house.messages()] == ["First.", "Second."]
    await house.hang_up()


async def test_words_of_an_unknown_item_are_no_turn(house: RealtimeHouse):
    """A transcript of an item that was never told of makes no item and harms none."""
    session = await house.live_call()
    await session.transcript("u_nobody", "Ghost.")
    await session.turn("u1", "First.")
    await house.settle()
    assert [text for _, text, _ in house.messages()] == ["First."]
    await house.hang_up()


async def test_a_turn_that_is_told_twice_is_one(house: RealtimeHouse):
    """Committed, added, done and repeated: one item with one text."""
    session = await house.live_call()
    item = {"id": "u1", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
    for _ in range(2):
        await session.committed("u1")
        await session.say("conversation.item.added", item=item, previous_item_id=None)
        await session.say("conversation.item.done", item=item, previous_item_id=None)
    await session.transcript("u1", WORDS)
    await house.settle()
    assert house.messages() == [(Role.USER, WORDS, ItemStatus.COMPLETED)]
    await house.hang_up()


@pytest.mark.parametrize("how", ["close", "break", "expired"])
async def test_swap_replays_current_items(house: RealtimeHouse, how: str):
    """The session goes while the agent speaks: its successor gets the cut answer as it was heard."""
    session = await house.live_call()
    await session.turn("u1", WORDS)
    await session.speaks_on("r1", "one two three four", 1_000)
    await house.settle()
    await house.hears(500)
    if how == "close":
        await session.closes(1012, "restart")
    elif how == "break":
        session.breaks()
    else:
        await session.fails("session_expired")
    await house.until(lambda: len(house.provider.sessions) == 2)
    house.leg.do(InterruptPressed())  # before what had come is heard out
    fresh = await house.provider.session()
    await house.settle()
    assert created(fresh)[:2] == [("user", WORDS), ("assistant", "one two")]
    assert house.messages()[:2] == [
        (Role.USER, WORDS, ItemStatus.COMPLETED),
        (Role.AGENT, "one two", ItemStatus.INTERRUPTED),
    ]
    await house.hang_up()


async def test_a_swap_replays_each_item_once_and_in_order(house: RealtimeHouse):
    """Three sessions one after the other: the third has the whole conversation, nothing twice."""
    texts: list[str] = []
    session = await house.live_call()
    for number in range(3):
        texts += [f"Question {number}.", f"Answer {number}."]
        await session.turn("u1", texts[-2])  # each session uses the same refs
        await session.replies("r1", texts[-1], 20)
        await house.settle()
        await house.hears_all()
        await session.closes(1011)
        session = await house.provider.session()
        await house.settle()
    assert [text for _, text in created(session)] == texts
    assert [text for _, text, _ in house.messages()] == texts
    await house.hang_up()
