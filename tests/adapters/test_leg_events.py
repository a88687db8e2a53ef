from __future__ import annotations

import asyncio

import pytest

from agentvoice.adapters.leg_events import LegEvents
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.leg import CallerAudio, CallerAudioDropped, HungUp, Played


def frame(number: int) -> CallerAudio:
    return CallerAudio(AudioChunk(CALL_FORMAT, number.to_bytes(2, "little") * 480))


async def test_events_come_in_order_and_end():
    """What was pushed is read in order, then the iteration ends."""
    events = LegEvents()
    for event in (frame(1), Played(3), HungUp()):
        events.push(event)
    events.end()
    events.push(frame(2))
    assert [event async for event in events] == [frame(1), Played(3), HungUp()]


async def test_a_live_source_drops_its_oldest_audio():
    """Beyond the bound the oldest audio goes, and the reader is told how much; other events stay."""
    events = LegEvents(max_audio_frames=2)
    for event in (Played(1), frame(1), frame(2), Played(2), frame(3), frame(4)):
        events.push(event)
    events.end()
    told = CallerAudioDropped(40)
    assert [event async for event in events] == [told, Played(1), Played(2), frame(3), frame(4)]


async def test_a_file_waits_for_room():
    """`put` loses nothing: it goes on when the reader has taken a frame."""
    events = LegEvents(max_audio_frames=2)

    async def speak() -> None:
        for number in range(10):
            await events.put(frame(number))
        events.end()

    speaking = asyncio.create_task(speak())
    await asyncio.sleep(0)
    assert not speaking.done()
    assert [event async for event in events] == [frame(number) for number in range(10)]
    await speaking


async def test_a_cancelled_read_loses_nothing():
    """Giving up on one event leaves the queue usable."""
    events = LegEvents()
    reading = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    events.push(Played(7))
    assert await anext(events) == Played(7)


async def test_ending_frees_a_writer_that_waits():
    """A leg that is closed while its file waits for room does not hang."""
    events = LegEvents(max_audio_frames=1)
    await events.put(frame(1))
    waiting = asyncio.create_task(events.put(frame(2)))
    await asyncio.sleep(0)
    events.end()
    await waiting


async def test_an_error_is_given_to_the_reader():
    """A leg that breaks tells the call, after what it had said."""
    events = LegEvents()
    events.push(Played(1))
    events.end(ValueError("broken"))
    assert await anext(events) == Played(1)
    with pytest.raises(ValueError, match="broken"):
        await anext(events)
