"""What was given to a device is heard once it has left the loudspeaker, to the sample."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.heard import HeardCount

BLOCK = 480


def test_a_device_without_delay_has_played_what_it_was_given_before():
    """When a block begins, the one before it is over."""
    count = HeardCount()
    assert [count.give(BLOCK, sound, 0) for sound in (BLOCK, 50, 0, 0)] == [0, 480, 530, 530]


def test_what_is_on_its_way_is_not_heard():
    """Behind 1200 samples of delay (50 ms) the count is two and a half blocks late, inside blocks too."""
    count = HeardCount()
    heard = [count.give(BLOCK, sound, 1_200) for sound in (0, BLOCK, BLOCK, BLOCK, 100, 0, 0, 0, 0)]
    assert heard == [0, 0, 0, 0, 240, 720, 1_200, 1_540, 1_540]


def test_silence_inside_a_block_is_not_counted():
    """The sound of a block comes first; while its silence is played, the count rests."""
    count = HeardCount()
    assert [count.give(BLOCK, sound, 240) for sound in (100, BLOCK, 0, 0)] == [0, 100, 340, 580]


def test_a_delay_that_grows_takes_nothing_back():
    """The device reports its delay a little differently each time; what was heard stays heard."""
    count = HeardCount()
    aheads = (0, 0, 400, 900, 0)
    assert [count.give(BLOCK, BLOCK, ahead) for ahead in aheads] == [0, 480, 560, 560, 1_920]


@given(
    st.lists(st.integers(0, BLOCK), min_size=1, max_size=30),
    st.lists(st.integers(0, 3_000), min_size=30, max_size=30),
)
def test_against_a_tape_of_all_samples(sounds: list[int], aheads: list[int]):
    """The count is that of the sound on the tape up to the place that leaves the loudspeaker."""
    count, tape, most = HeardCount(), "", 0
    for sound, ahead in zip(sounds, aheads, strict=False):
        most = max(most, tape[: max(0, len(tape) - ahead)].count("s"))
        assert count.give(BLOCK, sound, ahead) == most
        tape += "s" * sound + "." * (BLOCK - sound)
