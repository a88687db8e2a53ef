from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentvoice.adapters.playout import Playout

Step = tuple[str, int]


@given(st.lists(st.tuples(st.sampled_from(["push", "take", "clear"]), st.integers(0, 700)), max_size=40))
def test_sound_comes_out_once_in_order_and_counted(steps: list[Step]):
    """Whatever is pushed, taken and cleared: no sample is doubled, moved or counted unplayed."""
    playout = Playout()
    waiting = b""
    pushed = taken = 0
    for step, size in steps:
        if step == "push":
            sound = bytes((pushed + number) % 251 for number in range(size * 2))
            pushed += size
            playout.push(sound)
            waiting += sound
        elif step == "take":
            assert playout.take(size) == waiting[: size * 2]
            taken += min(size, len(waiting) // 2)
            waiting = waiting[size * 2 :]
        else:
            playout.clear()
            waiting = b""
        assert playout.played_samples == taken <= pushed
    assert playout.take_all() == waiting
    assert playout.take_all() == b""
