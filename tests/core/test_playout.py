from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.jitter import JitterDepth
from agentvoice.core.leg import PlayoutReported
from agentvoice.core.playout import PlayoutBuffer
from tests.fakes.arrivals import FixedDepth, hear, patterns

Step = tuple[str, int]

BLOCK = 480
BLOCK_MS = 20


def sound(samples: int, first: int = 0) -> bytes:
    return bytes((first + number) % 251 for number in range(samples * 2))


@given(st.lists(st.tuples(st.sampled_from(["push", "take", "clear"]), st.integers(0, 700)), max_size=40))
def test_sound_comes_out_once_in_order_and_counted(steps: list[Step]):
    """Whatever is pushed, taken and cleared: no sample is doubled, moved or counted unplayed."""
    buffer = PlayoutBuffer()
    waiting, heard = b"", b""
    pushed = now = 0
    for step, size in steps:
        now += size // 10
        if step == "push":
            buffer.push(piece := sound(size, pushed), now)
            waiting += piece
            pushed += size
        elif step == "take":
            taken = buffer.take(size, now)
            assert waiting.startswith(taken)
            waiting = waiting[len(taken) :]
            heard += taken
        else:
            buffer.clear()
            waiting = b""
        assert buffer.played_samples * 2 == len(heard) <= pushed * 2
    assert buffer.take_all() == waiting
    assert buffer.take_all() == b""


def test_playing_begins_when_the_first_sound_has_waited_for_the_depth():
    """More sound may come meanwhile, or none: the wait is the depth and the block to be filled."""
    for more in (b"", sound(5 * BLOCK)):
        buffer = PlayoutBuffer(FixedDepth(40), block_ms=BLOCK_MS)
        buffer.push(sound(BLOCK), 1_000)
        buffer.push(more, 1_001)
        assert buffer.take(BLOCK, 1_059) == b""
        assert buffer.take(BLOCK, 1_060) == sound(BLOCK)


def test_underrun_is_not_heard():
    """Silence in the middle of an answer is not counted as played; then the buffer fills again."""
    buffer = PlayoutBuffer(FixedDepth(40))
    buffer.push(sound(100), 0)
    assert buffer.take(BLOCK, 60) == sound(100)
    assert buffer.take(BLOCK, 80) == b""
    assert buffer.played_samples == 100
    buffer.push(sound(BLOCK, 7), 200)
    assert buffer.take(BLOCK, 259) == b""
    assert buffer.take(BLOCK, 260) == sound(BLOCK, 7)
    assert buffer.played_samples == 100 + BLOCK
    assert buffer.end_answer() == PlayoutReported(40, underruns=1)


def test_sound_that_comes_just_in_time_is_no_underrun():
    """A buffer that is empty between two blocks has not run dry."""
    buffer = PlayoutBuffer(FixedDepth(40))
    buffer.push(sound(BLOCK), 0)
    assert buffer.take(BLOCK, 60) == sound(BLOCK)
    buffer.push(sound(BLOCK, 3), 79)
    assert buffer.take(BLOCK, 80) == sound(BLOCK, 3)
    assert buffer.end_answer() == PlayoutReported(40, underruns=0)


def test_the_end_of_an_answer_is_no_underrun():
    """What comes after the call did something else begins an answer, also after an order to clear."""
    buffer = PlayoutBuffer(JitterDepth())
    buffer.push(sound(BLOCK), 0)
    buffer.take(2 * BLOCK, 60)
    assert buffer.end_answer() == PlayoutReported(40, underruns=0)
    buffer.push(sound(BLOCK), 300)
    buffer.take(2 * BLOCK, 360)
    buffer.clear()
    buffer.push(sound(BLOCK), 600)
    buffer.take(BLOCK, 660)
    assert buffer.end_answer() == PlayoutReported(40, underruns=0)
    assert buffer.end_answer() is None, "nothing was played since"


def test_a_cleared_buffer_is_empty_at_once():
    """Nothing of what waited is played later, and the count is exact to the sample."""
    buffer = PlayoutBuffer(FixedDepth(10))
    buffer.push(sound(3 * BLOCK), 0)
    assert buffer.take(BLOCK + 7, 30) == sound(BLOCK + 7)
    buffer.clear()
    assert buffer.take(BLOCK, 50) == b""
    assert buffer.played_samples == BLOCK + 7
    buffer.push(sound(5, 9), 60)
    assert buffer.take(BLOCK, 90) == sound(5, 9)


def test_no_sound_of_an_answer_is_dropped():
    """On the worst of lines all of each answer is heard, late but whole."""
    for name, answers in patterns().items():
        wanted_ms = sum(duration for answer in answers for _, duration in answer)
        assert hear(answers, JitterDepth()).sound == b"\1\0" * (24 * wanted_ms), name


def test_sound_that_is_heard_at_once_does_not_wait():
    """Who has no time to play takes everything; there is no buffer to report on."""
    buffer = PlayoutBuffer()
    buffer.push(sound(BLOCK), 0)
    assert buffer.take_all() == sound(BLOCK)
    assert buffer.played_samples == BLOCK
    assert buffer.end_answer() is None
