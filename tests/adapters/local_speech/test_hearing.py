"""Sound cut into turns: what is kept, where it begins and ends."""

from __future__ import annotations

import pytest

from agentvoice.adapters.local_speech.hearing import (
    MAX_TURN_MS,
    Began,
    Heard,
    Hearing,
    MaybeOver,
    Over,
    Resumed,
)
from agentvoice.core.agent import LocalSettings
from tests.fakes.stages import LoudnessDetector, silence, speech

FRAME_MS = 32
BYTES_PER_MS = 32  # 16 kHz, 16 bit


def heard(hearing: Hearing, *sounds: bytes) -> list[Heard]:
    return [event for sound in sounds for event in hearing.hear(sound)]


def hearing_of(**local: object) -> Hearing:
    return Hearing(LoudnessDetector(), LocalSettings(**local))  # type: ignore[arg-type]  # settings by name


def kinds(events: list[Heard]) -> list[type]:
    return [type(event) for event in events]


def quiet(ms: int) -> bytes:
    return silence(ms).samples


def loud(ms: int) -> bytes:
    return speech(ms).samples


@pytest.mark.parametrize("piece_ms", [7, 20, 100, 5_000])
def test_turns_do_not_depend_on_the_size_of_pieces(piece_ms: int):
    """The same sound in any pieces gives the same events at the same times with the same sound."""
    sound = quiet(600) + loud(400) + quiet(300) + loud(300) + quiet(800)
    whole = heard(hearing_of(), sound)
    size = piece_ms * 48
    assert heard(hearing_of(), *(sound[at : at + size] for at in range(0, len(sound), size))) == whole
    assert kinds(whole) == [Began, MaybeOver, Resumed, MaybeOver, Over]


def test_the_sound_of_a_turn_has_its_padding_before_and_its_guess_after():
    """300 ms before the onset, and the 200 ms of silence that the guess waited for."""
    events = heard(hearing_of(), quiet(1_000), loud(500), quiet(600))
    over = events[-1]
    assert isinstance(over, Over) and isinstance(events[1], MaybeOver)
    assert over.is_guessed and over.sound == events[1].sound
    assert len(over.sound) // BYTES_PER_MS == pytest.approx(300 + 500 + 200, abs=3 * FRAME_MS)
    assert over.silent_from_ms == pytest.approx(1_500, abs=2 * FRAME_MS)
    assert over.audio_ms == pytest.approx(1_900, abs=3 * FRAME_MS)


def test_no_padding_is_kept_when_none_is_wanted():
    """With prefix_padding_ms 0 the turn begins at its onset."""
    over = heard(hearing_of(prefix_padding_ms=0), quiet(1_000), loud(500), quiet(600))[-1]
    assert isinstance(over, Over)
    assert len(over.sound) // BYTES_PER_MS == pytest.approx(500 + 200, abs=3 * FRAME_MS)


def test_two_turns_share_no_sound():
    """The padding of a turn never reaches into the turn before it."""
    hearing = hearing_of(prefix_padding_ms=2_000, silence_ms=300)
    events = heard(hearing, loud(500), quiet(400), loud(500), quiet(500))
    first, second = [event for event in events if isinstance(event, Over)]
    total_ms = (len(first.sound) + len(second.sound)) // BYTES_PER_MS
    assert total_ms <= 1_900


def test_a_turn_is_ended_at_its_longest():
    """Speech without a pause is cut at 30 s, and goes on as the next turn."""
    events = heard(hearing_of(), loud(MAX_TURN_MS + 2_000), quiet(600))
    overs = [event for event in events if isinstance(event, Over)]
    assert len(overs) == 2
    assert not overs[0].is_guessed
    assert len(overs[0].sound) // BYTES_PER_MS == pytest.approx(MAX_TURN_MS, abs=FRAME_MS)


def test_little_is_kept_while_nobody_speaks():
    """An hour of silence costs no memory: only the padding is kept."""
    hearing = hearing_of()
    heard(hearing, *[quiet(1_000)] * 30)
    over = heard(hearing, loud(400))
    committed = hearing.commit()
    assert kinds(over) == [Began] and committed is not None
    assert len(committed.sound) // BYTES_PER_MS <= 300 + 400


def test_commit_and_clear_without_a_turn_do_nothing():
    """There is nothing to end, and a beginning onset stays whole."""
    hearing = hearing_of()
    heard(hearing, quiet(500), loud(90))
    assert (hearing.commit(), hearing.clear()) == (None, None)
    committed = heard(hearing, loud(300), quiet(600))[-1]
    assert isinstance(committed, Over)
    assert len(committed.sound) // BYTES_PER_MS >= 300 + 390


def test_clear_forgets_the_turn():
    """What was said of the open turn is gone; the time goes on."""
    hearing = hearing_of()
    heard(hearing, quiet(500), loud(400))
    left_ms = hearing.clear()
    assert left_ms == pytest.approx(900, abs=2 * FRAME_MS)
    assert not hearing.is_speaking
    over = heard(hearing, quiet(600), loud(400), quiet(600))[-1]
    assert isinstance(over, Over)
    assert len(over.sound) // BYTES_PER_MS <= 300 + 400 + 200 + 3 * FRAME_MS


def test_lost_sound_counts_in_later_times():
    """Times are those of all sound that was appended, heard or not."""
    hearing = hearing_of()
    hearing.skip(5_000)
    began = heard(hearing, quiet(500), loud(300))[0]
    assert isinstance(began, Began)
    assert began.audio_ms == pytest.approx(5_500, abs=FRAME_MS)


def test_settings_change_at_once():
    """Another agent's patience counts from the next frame on."""
    hearing = hearing_of(silence_ms=400)
    hearing.configure(LocalSettings(silence_ms=1_500))
    assert kinds(heard(hearing, loud(400), quiet(1_200))) == [Began, MaybeOver]
    assert kinds(heard(hearing, quiet(500))) == [Over]
