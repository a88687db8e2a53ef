from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agentvoice.protocols.nostr.turns import CALLER, merge_turns
from tests.protocols.nostr.test_thread import message

SPEAKERS = st.sampled_from([CALLER, "ada", "max"])
TEXTS = st.text(max_size=20)


@given(st.lists(st.tuples(SPEAKERS, TEXTS), max_size=30), st.randoms())
def test_merging_keeps_every_word_and_alternates_speakers(said: list[tuple[str, str]], shuffle):
    """Neighbouring turns never have one speaker, order follows positions, and no line is lost."""
    items = [message(n, speaker, text) for n, (speaker, text) in enumerate(said)]
    shuffle.shuffle(items)
    turns = merge_turns(items)
    assert all(a.speaker != b.speaker for a, b in pairwise(turns))
    kept = [(item.role, item.agent, item.text) for item in sorted(items, key=lambda item: item.position)]
    merged = "".join("".join(turn.text.split()) for turn in turns)
    cleaned = "".join(char for _, _, text in kept for char in text if not (char < " " or char == "\x7f"))
    assert merged == "".join(cleaned.split())


def test_a_turn_is_known_by_its_first_item():
    """Merged items make one turn at the position and time of the first."""
    turns = merge_turns((message(4, "ada", "One."), message(6, "ada", "Two."), message(7, CALLER, "Three.")))
    assert [(turn.position, turn.text) for turn in turns] == [(4, "One.\nTwo."), (7, "Three.")]
