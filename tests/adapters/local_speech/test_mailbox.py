"""The queues of a session are bounded, and say what they dropped."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.adapters.local_speech.mailbox import (
    MAX_EVENTS,
    MAX_INPUT_MS,
    PIECE_MS,
    ROOMY_EVENTS,
    Inbox,
    Outbox,
)
from agentvoice.core.audio import AudioChunk
from agentvoice.core.speech import ClearInput, CommitInput, SessionLost, SpeechStarted
from tests.fakes.stages import silence, speech


async def drain(inbox: Inbox) -> list[object]:
    inbox.put(stop := CommitInput())
    items: list[object] = []
    while (item := await inbox.take()) is not stop:
        items.append(item)
    return items


async def test_too_much_sound_drops_the_oldest_and_counts_it():
    """The newest 10 s stay; what fell out is counted once."""
    inbox = Inbox()
    inbox.put(speech(MAX_INPUT_MS))
    inbox.put(silence(1_500))
    assert (inbox.dropped_ms, inbox.take_dropped_ms(), inbox.take_dropped_ms()) == (1_500, 1_500, 0)
    kept = [item for item in await drain(inbox) if isinstance(item, AudioChunk)]
    assert sum(chunk.duration_ms for chunk in kept) == MAX_INPUT_MS
    assert kept[-1].samples == bytes(len(kept[-1].samples))


async def test_sound_is_taken_in_small_pieces_without_loss():
    """A long chunk becomes pieces of 100 ms whose bytes joined are the chunk."""
    inbox = Inbox()
    inbox.put(chunk := speech(1_230))
    pieces = [item for item in await drain(inbox) if isinstance(item, AudioChunk)]
    assert b"".join(piece.samples for piece in pieces) == chunk.samples
    assert max(piece.duration_ms for piece in pieces) == PIECE_MS


async def test_clear_forgets_sound_that_was_not_heard_yet():
    """Nothing before the clear needs to be heard; what comes after it does."""
    inbox = Inbox()
    inbox.put(speech(500))
    inbox.put(ClearInput())
    inbox.put(silence(100))
    assert await drain(inbox) == [ClearInput(), silence(100)]


async def test_commits_in_a_row_are_one():
    """A caller that commits for ever fills no memory."""
    inbox = Inbox()
    inbox.put(speech(100))
    for _ in range(1_000):
        inbox.put(CommitInput())
    assert await inbox.take() == speech(100)
    assert await inbox.take() == CommitInput()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await inbox.take()


async def test_events_are_taken_in_order():
    """First told, first read; the reader waits for the next."""
    outbox = Outbox()
    reader = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    outbox.put(SpeechStarted(1))
    outbox.put(SpeechStarted(2))
    assert [await reader, await outbox.take()] == [SpeechStarted(1), SpeechStarted(2)]


async def test_a_reply_waits_for_a_slow_reader():
    """With too many unread events there is no room until some are read."""
    outbox = Outbox()
    for number in range(ROOMY_EVENTS):
        outbox.put(SpeechStarted(number))
    waiting = asyncio.create_task(outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await outbox.take()
    await waiting


async def test_an_unread_session_is_lost():
    """When nobody reads, the queue is given up: the one event left says so."""
    outbox = Outbox()
    for number in range(MAX_EVENTS + 5):
        outbox.put(SpeechStarted(number))
    lost = await outbox.take()
    assert isinstance(lost, SessionLost) and str(MAX_EVENTS) in lost.reason
    assert await outbox.take() is None


async def test_the_last_event_of_a_lost_session_is_its_loss():
    """What was told before is read, then the loss, then the end."""
    outbox = Outbox()
    outbox.put(SpeechStarted(1))
    outbox.end(SessionLost("gone"))
    outbox.put(SpeechStarted(2))
    assert [await outbox.take() for _ in range(3)] == [SpeechStarted(1), SessionLost("gone"), None]


async def test_close_ends_a_waiting_reader_and_a_waiting_reply():
    """Nobody hangs on a closed queue, and nothing unread is given out."""
    outbox = Outbox()
    for number in range(ROOMY_EVENTS):
        outbox.put(SpeechStarted(number))
    waiting = asyncio.create_task(outbox.room())
    await asyncio.sleep(0)
    outbox.close()
    await waiting
    assert await outbox.take() is None
