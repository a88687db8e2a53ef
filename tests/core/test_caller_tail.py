from __future__ import annotations

import pytest

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.caller_tail import ONSET_MS, CallerTail
from agentvoice.core.speech import (
    ItemDone,
    ItemFailed,
    ItemRemoved,
    ResponseEnded,
    ResponseStatus,
    SpeechStarted,
    TurnCommitted,
)

COMPLETED = ResponseEnded("r1", ResponseStatus.COMPLETED)
CANCELLED = ResponseEnded("r1", ResponseStatus.CANCELLED)


def sound(ms: int) -> AudioChunk:
    return AudioChunk(CALL_FORMAT, bytes(CALL_FORMAT.bytes_of(ms)))


def feed(tail: CallerTail, *lengths_ms: int) -> None:
    for ms in lengths_ms:
        tail.appended(sound(ms))


def taken_ms(tail: CallerTail) -> list[int]:
    return [chunk.duration_ms for chunk in tail.take()]


def test_in_silence_only_the_onset_stays():
    """A session tells that speech began some time after it did; older sound was silence."""
    tail = CallerTail()
    feed(tail, *[100] * 30)
    assert taken_ms(tail) == [100] * (ONSET_MS // 100)
    assert tail.take() == ()


def test_speech_that_is_not_words_yet_stays_whole():
    """From its onset on, however long it lasts, until the bound."""
    tail = CallerTail(bound_ms=5_000)
    feed(tail, *[500] * 4)
    tail.told(SpeechStarted(1_500))
    feed(tail, *[500] * 6)
    assert sum(taken_ms(tail)) == ONSET_MS + 3_000

    tail.told(SpeechStarted(0))
    feed(tail, *[500] * 20)
    assert sum(taken_ms(tail)) == 5_000


@pytest.mark.parametrize(
    "settled", [ItemDone("u1", "hello"), ItemFailed("u1", "noise"), ItemRemoved("u1"), COMPLETED]
)
def test_a_turn_that_is_settled_is_not_said_again(settled):
    """Its words are there, will not come, or it was answered; what came after it stays."""
    tail = CallerTail()
    tail.told(SpeechStarted(0))
    feed(tail, 700, 700)
    tail.told(TurnCommitted("u1"))
    assert tail.turn_ref == "u1"
    feed(tail, 300)
    tail.told(settled)
    assert tail.turn_ref == ""
    assert taken_ms(tail) == [300]


@pytest.mark.parametrize("event", [ItemDone("other", "hello"), CANCELLED])
def test_a_committed_turn_waits_for_its_own_words(event):
    """Another item's words, or a reply that was cut off, leave it open."""
    tail = CallerTail()
    tail.told(SpeechStarted(0))
    feed(tail, 700, 700)
    tail.told(TurnCommitted("u1"))
    tail.told(event)
    assert tail.turn_ref == "u1"
    assert taken_ms(tail) == [700, 700]
    assert tail.turn_ref == ""


def test_without_a_turn_a_finished_reply_takes_nothing():
    """The end of a greeting does not drop what the caller is saying over it."""
    tail = CallerTail()
    tail.told(SpeechStarted(0))
    feed(tail, 700)
    tail.told(COMPLETED)
    assert taken_ms(tail) == [700]


def test_settling_a_turn_longer_than_the_bound_drops_no_later_sound():
    """Of the turn only the newest was left; its end is found all the same."""
    tail = CallerTail(bound_ms=1_000)
    tail.told(SpeechStarted(0))
    feed(tail, 600, 600)
    tail.told(TurnCommitted("u1"))
    feed(tail, 800)
    tail.told(ItemDone("u1", "hello"))
    assert taken_ms(tail) == [800]


def test_manual_turns_are_kept_from_the_first_sound():
    """Nobody tells when speech begins: all since the last turn may be speech."""
    tail = CallerTail()
    tail.has_manual_turns = True
    feed(tail, *[500] * 8)
    assert sum(taken_ms(tail)) == 4_000
