from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.audio import AudioFormat
from agentvoice.core.playback import Cut, Playback, Unheard

MS = 24  # samples per millisecond at 24 kHz


def playback(*queued: tuple[str, int]) -> Playback:
    """A ledger with (ref, ms) already queued."""
    ledger = Playback(AudioFormat.PCM16_24K)
    for ref, ms in queued:
        ledger.queue(ref, 0, bytes(2 * ms * MS))
    return ledger


def cut_at(ledger: Playback, played_ms: int) -> tuple[Cut, ...]:
    """A barge-in that finds `played_ms` played."""
    ledger.fence()
    return ledger.cleared(played_ms * MS)


def test_an_interrupt_cuts_at_the_millisecond_heard():
    """The cut is where the leg says it stopped, whatever was reported before."""
    ledger = playback(("a", 1_000))
    ledger.played(100 * MS)
    assert cut_at(ledger, 340) == (Cut("a", 0, 340, 1_000),)
    assert ledger.is_idle


def test_truncate_clamps_to_received():
    """A leg that claims 5 s of an item that has 1 s heard 1 s; there is nothing to cut."""
    ledger = playback(("a", 1_000))
    assert cut_at(ledger, 5_000) == ()
    assert ledger.heard_ms("a") == 1_000


def test_fully_heard_is_not_truncated():
    """An item heard to its end is not in the cut."""
    assert cut_at(playback(("a", 1_000)), 1_000) == ()


def test_nothing_heard_cuts_at_zero():
    """Barge-in before the first sample: the cut says 0 ms heard."""
    assert cut_at(playback(("a", 500)), 0) == (Cut("a", 0, 0, 500),)


def test_second_item_is_cut():
    """Of two items the first was heard whole and stays, the second is cut."""
    ledger = playback(("a", 300), ("b", 700))
    assert cut_at(ledger, 400) == (Cut("b", 0, 100, 700),)


def test_newer_reply_survives():
    """Sound queued after the order to clear is not touched by it."""
    ledger = playback(("old", 1_000))
    ledger.fence()
    ledger.queue("new", 0, bytes(2 * 200 * MS))
    assert ledger.cleared(250 * MS) == (Cut("old", 0, 250, 1_000),)
    assert not ledger.is_idle
    assert ledger.played((250 + 200) * MS) == ("new",)
    assert ledger.is_idle


def test_two_orders_to_clear_are_answered_in_turn():
    """A second barge-in before the leg answered the first cuts each reply at its own place."""
    ledger = playback(("one", 100))
    ledger.fence()
    ledger.queue("two", 0, bytes(2 * 100 * MS))
    ledger.fence()
    assert ledger.cleared(40 * MS) == (Cut("one", 0, 40, 100),)
    assert ledger.cleared(60 * MS) == (Cut("two", 0, 20, 100),)
    assert ledger.is_idle


def test_content_parts_are_counted_apart_and_together():
    """Each content part is cut by itself; the item's milliseconds are the sum."""
    ledger = playback()
    ledger.queue("a", 0, bytes(2 * 100 * MS))
    ledger.queue("a", 1, bytes(2 * 200 * MS))
    ledger.played(150 * MS)
    assert (ledger.heard_ms("a"), ledger.received_ms("a")) == (150, 300)
    assert cut_at(ledger, 150) == (Cut("a", 1, 50, 200),)


def test_an_old_total_is_ignored():
    """Reports that come out of order do not turn the clock back."""
    ledger = playback(("a", 100))
    ledger.played(80 * MS)
    assert ledger.played(20 * MS) == ()
    assert ledger.heard_ms("a") == 80


def test_heard_items_are_named_once():
    """`played` names an item when the last of its received sound was heard."""
    ledger = playback(("a", 100), ("b", 100))
    assert ledger.played(99 * MS) == ()
    assert ledger.played(150 * MS) == ("a",)
    assert ledger.played(200 * MS) == ("b",)


def test_more_sound_after_an_underrun_continues_the_item():
    """An item that ran dry and goes on is heard again when the rest is."""
    ledger = playback(("a", 100))
    assert ledger.played(100 * MS) == ("a",)
    ledger.queue("a", 0, bytes(2 * 50 * MS))
    assert not ledger.is_heard("a")
    assert ledger.played(150 * MS) == ("a",)


def test_the_end_of_a_call_drops_everything():
    """`abandon` cuts what is left without an answer of the leg."""
    ledger = playback(("a", 100), ("b", 100))
    ledger.played(130 * MS)
    assert ledger.abandon() == (Cut("b", 0, 30, 100),)


def test_settled_items_are_forgotten():
    """A forgotten item leaves no bookkeeping; an unknown one counts as heard."""
    ledger = playback(("a", 100))
    ledger.played(100 * MS)
    ledger.forget("a")
    assert (ledger.heard_ms("a"), ledger.received_ms("a"), ledger.is_heard("a")) == (0, 0, True)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("queue"), st.integers(1, 4), st.integers(1, 2_000)),
        st.tuples(st.just("played"), st.just(0), st.integers(0, 3_000)),
        st.tuples(st.just("clear"), st.just(0), st.integers(0, 500)),
    ),
    max_size=40,
)


@given(steps)
def test_nothing_is_heard_that_was_not_received(actions: list[tuple[str, int, int]]):
    """Whatever the leg reports: 0 ≤ heard ≤ received, and a cut is never whole."""
    ledger = Playback(AudioFormat.PCM16_24K)
    total = 0
    for action, item, samples in actions:
        if action == "queue":
            ledger.queue(str(item), 0, bytes(2 * samples))
        else:
            total += samples
            if action == "played":
                ledger.played(total)
            else:
                ledger.fence()
                for cut in ledger.cleared(total):
                    assert 0 <= cut.heard_ms <= cut.received_ms
                assert ledger.is_idle
        assert all(0 <= ledger.heard_ms(str(ref)) <= ledger.received_ms(str(ref)) for ref in range(5))


@pytest.mark.parametrize("format", AudioFormat)
def test_a_cut_is_exact_in_every_format(format: AudioFormat):
    """Samples become milliseconds by the format's own rate, wherever the cut is."""
    samples_per_ms = format.rate_hz // 1_000
    for heard_ms in (1, 19, 20, 333, 999):
        for more in (0, samples_per_ms - 1):  # part of a millisecond is not heard
            ledger = Playback(format)
            ledger.queue("a", 0, bytes(format.bytes_of(1_000)))
            ledger.fence()
            assert ledger.cleared(heard_ms * samples_per_ms + more) == (Cut("a", 0, heard_ms, 1_000),)


def pcm(first: int, ms: int) -> bytes:
    """`ms` of sound in which each millisecond can be told from the next."""
    return b"".join(bytes([number % 251]) * (2 * MS) for number in range(first, first + ms))


def test_sound_taken_back_is_what_was_not_heard():
    """A pause gives back exactly the unheard samples, by item; nothing is cut and nothing idle is lost."""
    ledger = playback()
    ledger.queue("a", 0, pcm(0, 60))
    ledger.queue("a", 0, pcm(60, 40))
    ledger.queue("b", 1, pcm(0, 50))
    ledger.fence()
    ledger.queue("c", 0, pcm(0, 10))  # a newer reply, after the order
    assert ledger.taken_back(70 * MS) == (Unheard("a", 0, pcm(70, 30)), Unheard("b", 1, pcm(0, 50)))
    assert ledger.played(80 * MS) == ("c",)
    assert (ledger.heard_ms("a"), ledger.received_ms("a"), ledger.is_heard("a")) == (70, 100, False)


def test_sound_sent_on_again_is_heard_of_its_item():
    """What was held back counts as received once, and as heard when it is played at last."""
    ledger = playback(("a", 100))
    ledger.fence()
    [held] = ledger.taken_back(30 * MS)
    ledger.receive("a", 0, bytes(2 * 20 * MS))  # came during the pause
    assert ledger.received_ms("a") == 120
    ledger.send_on("a", 0, held.sound)
    ledger.send_on("a", 0, bytes(2 * 20 * MS))
    assert ledger.played(120 * MS) == ("a",)


def test_held_sound_is_cut_where_its_parts_were_heard():
    """An interruption that is confirmed later cuts at the millisecond of the pause."""
    ledger = playback(("a", 100), ("b", 50))
    ledger.fence()
    held = ledger.taken_back(30 * MS)
    assert ledger.cut_of((*held, *held)) == (Cut("a", 0, 30, 100), Cut("b", 0, 0, 50))


def test_abandoned_sound_is_not_taken_back():
    """The session is gone: what the leg still held belongs to nobody."""
    ledger = playback(("a", 100))
    ledger.fence()
    ledger.abandon()
    assert ledger.taken_back(30 * MS) == ()
