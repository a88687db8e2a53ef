"""The caller speaks over the agent, or presses the button: what is cleared, cut and cancelled."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.core.item import ItemStatus, Role
from agentvoice.core.leg import CallerText, InterruptPressed
from tests.fakes.realtime_provider import ProviderSession, answer
from tests.realtime_calls.conftest import RealtimeHouse

CUTS = ("conversation.item.truncate", "conversation.item.delete", "response.cancel")
FOUR_WORDS = "one two three four"


def cuts(session: ProviderSession) -> list[tuple[object, ...]]:
    """What was cut and cancelled, in order."""
    told: list[tuple[object, ...]] = []
    for event in session.sent(*CUTS):
        name = event["type"].rpartition(".")[2]
        told.append((name, event.get("item_id") or event.get("response_id"), event.get("audio_end_ms")))
    return told


async def test_truncate_clamps_to_received(house: RealtimeHouse):
    """5 s by the leg's count, 1 s of sound received: the item is truncated at 1000 ms, then cancelled."""
    session = await house.live_call()
    item = await session.speaks_on("r1", FOUR_WORDS, 1_000)
    await house.settle()
    house.leg.queued_samples += 4_000 * 24  # what a leg that counts by the clock would say
    await house.hears(5_000)
    await session.speech_started()
    await house.settle()
    assert cuts(session) == [("truncate", item, 1_000), ("cancel", "r1", None)]
    await session.ends("r1", "cancelled")
    await house.settle()
    assert house.messages() == [(Role.AGENT, FOUR_WORDS, ItemStatus.INTERRUPTED)]
    await house.hang_up()


async def test_a_reply_that_ends_before_its_cancelling_arrives_is_cut_too(house: RealtimeHouse):
    """The provider had made all of it when we interrupted: what never came was not heard."""
    session = await house.live_call()
    item = await session.speaks_on("r1", "one two", 500)
    await house.settle()
    await house.hears_all()
    house.leg.do(InterruptPressed())
    await house.settle()
    await session.writes("r1", item, " three four")
    await session.speaks("r1", item, 500)
    await session.finishes("r1", answer(item, FOUR_WORDS, "completed"))
    await session.ends("r1", output=[answer(item, FOUR_WORDS, "completed")])
    await house.settle()
    assert cuts(session) == [("truncate", item, 500), ("cancel", "r1", None)]
    assert house.messages() == [(Role.AGENT, "one two", ItemStatus.INTERRUPTED)]
    await house.hang_up()


async def test_a_part_behind_a_text_part_is_truncated_as_itself(house: RealtimeHouse):
    """Sound may be the second part of its item: the truncation names that part."""
    session = await house.live_call()
    await session.begins("r1")
    await session.adds("r1", "item_1")
    await session.writes("r1", "item_1", FOUR_WORDS, part=1)
    await session.speaks("r1", "item_1", 1_000, part=1)
    await house.settle()
    await house.hears(1_000)
    await session.speech_started()
    await house.settle()
    (truncated,) = session.sent("conversation.item.truncate")
    assert (truncated["content_index"], truncated["audio_end_ms"]) == (1, 1_000)
    await house.hang_up()


@pytest.mark.parametrize("how", ["speech", "button", "typed"])
async def test_manual_and_vad_cut_alike(house: RealtimeHouse, how: str):
    """However the caller interrupts, the cut is at the same millisecond."""
    session = await house.live_call()
    item = await session.speaks_on("r1", FOUR_WORDS, 1_000)
    await house.settle()
    await house.hears(437)
    if how == "speech":
        await session.speech_started()
    else:
        house.leg.do(InterruptPressed() if how == "button" else CallerText("Wait"))
    await house.settle()
    cancelled = [] if how == "speech" else [("cancel", "r1", None)]  # by itself, a provider needs no order
    assert cuts(session) == [("truncate", item, 437), *cancelled]
    assert (Role.AGENT, "one two", ItemStatus.INTERRUPTED) in house.messages()
    assert house.leg.clears == 1
    await house.hang_up()


async def test_a_button_and_speech_at_once_cut_once(house: RealtimeHouse):
    """The caller presses the button and speaks: one truncation, one cancellation."""
    session = await house.live_call()
    item = await session.speaks_on("r1", FOUR_WORDS, 1_000)
    await house.settle()
    await house.hears(500)
    house.leg.do(InterruptPressed())
    await session.speech_started()
    await house.settle()
    assert cuts(session) == [("truncate", item, 500), ("cancel", "r1", None)]
    await house.hang_up()


@pytest.mark.parametrize("reply_is_over", [True, False])
async def test_fully_heard_is_not_truncated(house: RealtimeHouse, reply_is_over: bool):
    """The item was heard to its end: nothing is cut; a reply that still runs is cancelled."""
    session = await house.live_call()
    item = await session.speaks_on("r1", FOUR_WORDS, 1_000)
    await session.has_spoken("r1", item)
    if reply_is_over:
        await session.finishes("r1", answer(item, FOUR_WORDS, "completed"))
        await session.ends("r1")
    await house.settle()
    await house.hears_all()
    await session.speech_started()
    await house.settle()
    assert cuts(session) == ([] if reply_is_over else [("cancel", "r1", None)])
    if reply_is_over:
        assert house.messages() == [(Role.AGENT, FOUR_WORDS, ItemStatus.COMPLETED)]
    await house.hang_up()


async def test_nothing_heard_deletes(house: RealtimeHouse):
    """Before the first sample was played: the item is deleted, not truncated at 0."""
    session = await house.live_call()
    item = await session.speaks_on("r1", FOUR_WORDS, 1_000)
    await house.settle()
    await session.speech_started()
    await house.settle()
    assert cuts(session) == [("delete", item, None)]
    await session.say("conversation.item.deleted", item_id=item)
    await session.ends("r1", "cancelled")
    await house.settle()
    assert house.messages() == [(Role.AGENT, "", ItemStatus.INTERRUPTED)]
    await house.hang_up()


async def test_less_than_a_millisecond_heard_deletes_too(house: RealtimeHouse):
    """A few samples round down to 0 ms, which the provider would refuse to truncate at."""
    session = await house.live_call()
    item = await session.speaks_on("r1", FOUR_WORDS, 1_000)
    await house.settle()
    house.leg.played_samples += 23
    house.leg.queued_samples -= 23
    await session.speech_started()
    await house.settle()
    assert cuts(session)[0] == ("delete", item, None)
    await house.hang_up()


async def say_two_items(session: ProviderSession) -> None:
    """A reply of two items, 600 ms each."""
    await session.speaks_on("r1", "one two", 600, item="first")
    await session.has_spoken("r1", "first")
    await session.finishes("r1", answer("first", "one two", "completed"))
    await session.adds("r1", "second", index=1)
    await session.writes("r1", "second", "three four")
    await session.speaks("r1", "second", 600)


async def test_second_item_is_cut(house: RealtimeHouse):
    """A reply of two items, interrupted in the second: the first stays whole."""
    session = await house.live_call()
    await say_two_items(session)
    await house.settle()
    await house.hears(1_000)
    await session.speech_started()
    await house.settle()
    assert cuts(session) == [("truncate", "second", 400)]
    assert house.messages() == [
        (Role.AGENT, "one two", ItemStatus.COMPLETED),
        (Role.AGENT, "three", ItemStatus.INTERRUPTED),
    ]
    await house.hang_up()


async def test_both_items_are_cut_in_the_first(house: RealtimeHouse):
    """Interrupted in the first of two: it is truncated, the second was never heard and goes."""
    session = await house.live_call()
    await say_two_items(session)
    await house.settle()
    await house.hears(300)
    await session.speech_started()
    await house.settle()
    assert cuts(session) == [
        ("truncate", "first", 300),
        ("delete", "second", None),
    ]
    await house.hang_up()


async def test_late_audio_never_plays(house: RealtimeHouse):
    """Sound of a cancelled reply that arrives until its end, and after it, is dropped."""
    session = await house.live_call()
    item = await session.speaks_on("r1", FOUR_WORDS, 1_000)
    await house.settle()
    await house.hears(500)
    await session.speech_started()
    await session.speaks("r1", item, 200)
    await house.settle()
    await session.speaks("r1", item, 200)
    await session.ends("r1", "cancelled")
    await session.speaks("r1", item, 200)
    await house.settle()
    assert house.leg.queued_samples == 0
    assert cuts(session) == [("truncate", item, 500)]
    await house.hang_up()


async def test_sound_of_a_reply_that_was_interrupted_in_thought_never_plays(house: RealtimeHouse):
    """Barge-in before the first sound: the reply is cancelled and what comes of it is dropped."""
    session = await house.live_call()
    await session.begins("r1")
    await session.speech_started()
    await house.settle()
    assert cuts(session) == []  # the provider stops it by itself
    await session.adds("r1", "late")
    await session.speaks("r1", "late", 200)
    await session.ends("r1", "cancelled")
    await house.settle()
    assert house.leg.queued_samples == 0
    await house.hang_up()


async def test_newer_reply_survives(house: RealtimeHouse):
    """An interrupt of reply 1, whose answer comes late, does not stop reply 2."""
    session = await house.live_call()
    await session.replies("r1", FOUR_WORDS, 1_000)
    await house.settle()
    await house.hears(500)
    answers: list[object] = []
    keep, house.leg.do = house.leg.do, lambda *events: answers.extend(events)  # type: ignore[method-assign]  # a slow leg
    house.leg.played_samples, played = 0, house.leg.played_samples
    house.leg.played_samples = played
    await session.speech_started()
    await house.settle()
    await session.speaks_on("r2", "new words", 300)
    await house.settle()
    house.leg.do = keep  # type: ignore[method-assign]  # it answers now
    keep(*answers)  # type: ignore[arg-type]  # what it was kept from saying
    await house.settle()
    assert cuts(session) == [("truncate", "item_r1", 500)]
    await house.hears_all()
    await session.finishes("r2", answer("item_r2", "new words", "completed"))
    await session.ends("r2")
    await house.settle()
    assert house.messages() == [
        (Role.AGENT, "one two", ItemStatus.INTERRUPTED),
        (Role.AGENT, "new words", ItemStatus.COMPLETED),
    ]
    await house.hang_up()


async def test_a_reply_that_the_interrupting_turn_asked_for_is_not_cancelled(house: RealtimeHouse):
    """The caller types over the agent: the old reply is cancelled, the one to come is not."""
    session = await house.live_call()
    await session.speaks_on("r1", FOUR_WORDS, 1_000)
    await house.settle()
    house.leg.do(CallerText("Stop"))
    await house.settle()
    await session.ends("r1", "cancelled")
    await house.settle()
    assert session.types[-1] == "response.create"
    await session.replies("r2", "Yes?", 200)
    await house.settle()
    await house.hears_all()
    assert cuts(session) == [("delete", "item_r1", None), ("cancel", "r1", None)]
    assert house.messages()[-1] == (Role.AGENT, "Yes?", ItemStatus.COMPLETED)
    await house.hang_up()


async def test_underrun_is_not_heard(house: RealtimeHouse):
    """The leg ran dry for a second between two deltas: that silence does not count as played."""
    session = await house.live_call()
    item = await session.speaks_on("r1", FOUR_WORDS, 400)
    await house.settle()
    for _ in range(70):  # 1,400 ms of playing, of which the leg had sound for 400
        house.leg.hear(20)
    await house.settle()
    await session.speaks("r1", item, 600)
    await house.settle()
    await house.hears(100)
    await session.speech_started()
    await house.settle()
    assert cuts(session) == [("truncate", item, 500)]
    await house.hang_up()


@pytest.mark.parametrize("sizes", [(1_000,), (1, 999), (7, 13, 980)])
async def test_the_cut_does_not_depend_on_the_size_of_the_deltas(
    house: RealtimeHouse, sizes: tuple[int, ...]
):
    """The same sound in other pieces is cut at the same place."""
    session = await house.live_call()
    await session.begins("r1")
    await session.adds("r1", "x")
    for ms in sizes:
        await session.speaks("r1", "x", ms)
    await house.settle()
    await house.hears(333)
    house.leg.do(InterruptPressed())
    await asyncio.sleep(0)
    await house.settle()
    assert cuts(session)[0] == ("truncate", "x", 333)
    await house.hang_up()
