"""The caller's turns: written down once, in their place, at most a few at a time."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.adapters.local_speech.hearing import Over
from agentvoice.adapters.local_speech.mailbox import Outbox
from agentvoice.adapters.local_speech.stages import Stages
from agentvoice.adapters.local_speech.turns import (
    MAX_REOPENED_MS,
    MAX_WAITING_TURNS,
    REOPEN_WITHIN_MS,
    Turns,
)
from agentvoice.core.speech import ItemFailed, SpeechEvent, SpeechStarted, TurnCommitted, TurnReopened
from tests.fakes.stages import ScriptedLlm, ScriptedStt, ScriptedTts, TextStep

BYTES_PER_MS = 32


class Bench:
    """Turns over a scripted STT."""

    def __init__(self, *steps: TextStep | tuple[TextStep, ...]) -> None:
        self.stt, self.outbox = ScriptedStt(*steps), Outbox()
        self.texts: list[str] = []
        self.nothings = 0
        stages = Stages(self.stt, ScriptedLlm([]), ScriptedTts())
        self.turns = Turns(
            self.outbox,
            lambda: stages,
            lambda: "model",
            on_committed=lambda turn: None,
            on_text=lambda turn, text: self.texts.append(text),
            on_nothing=lambda turn: self._nothing(),
        )

    def _nothing(self) -> None:
        self.nothings += 1

    async def told(self, kind: type[SpeechEvent]) -> list[SpeechEvent]:
        for _ in range(50):
            await asyncio.sleep(0)
        self.outbox.put(SpeechStarted(-1))
        events: list[SpeechEvent] = []
        while (event := await self.outbox.take()) != SpeechStarted(-1):
            assert event is not None
            events.append(event)
        return [event for event in events if isinstance(event, kind)]


def over(sound: bytes = b"sound", at_ms: int = 1_000, *, is_guessed: bool = False) -> Over:
    return Over(at_ms - 400, at_ms, sound, is_guessed)


async def test_a_guess_is_used_only_for_the_sound_it_heard():
    """A turn that was ended otherwise is transcribed anew."""
    bench = Bench((asyncio.Event(),), "Whole.")
    bench.turns.maybe_over(b"so")
    await asyncio.sleep(0)
    bench.turns.over(over(b"sound"))
    await bench.told(TurnCommitted)
    assert bench.stt.heard == [b"so", b"sound"]
    assert (bench.stt.given_up, bench.texts) == (1, ["Whole."])


async def test_too_many_waiting_turns_fail_the_oldest():
    """A stuck STT does not pile up sound: beyond four turns the oldest is given up, and told so."""
    bench = Bench((asyncio.Event(),))
    for _ in range(MAX_WAITING_TURNS + 2):
        bench.turns.over(over())
    failed = await bench.told(ItemFailed)
    assert [event.ref for event in failed if isinstance(event, ItemFailed)] == ["turn_1", "turn_2"]
    await bench.turns.close()
    assert bench.stt.given_up >= MAX_WAITING_TURNS


@pytest.mark.parametrize(
    ("sound_ms", "began_after_ms", "expected"),
    [
        (1_000, 0, True),
        (1_000, REOPEN_WITHIN_MS, True),
        (1_000, REOPEN_WITHIN_MS + 1, False),
        (MAX_REOPENED_MS, 0, False),
    ],
)
async def test_only_fresh_and_short_turns_reopen(sound_ms: int, began_after_ms: int, expected: bool):
    """The window is counted in sound since the commit; a very long turn is not joined with more."""
    bench = Bench("Text.")
    bench.turns.over(over(bytes(sound_ms * BYTES_PER_MS), at_ms=5_000))
    assert bench.turns.can_reopen(5_000 + began_after_ms) is expected
    await bench.told(TurnCommitted)


async def test_a_settled_turn_does_not_reopen():
    """What was ordered and done cannot be taken back by going on."""
    bench = Bench("Text.")
    bench.turns.over(over())
    assert bench.turns.last is not None
    bench.turns.last.is_settled = True
    assert not bench.turns.can_reopen(1_000)
    await bench.told(TurnCommitted)


async def test_nothing_reopens_before_the_first_turn():
    """There is no turn to join."""
    bench = Bench("Text.")
    assert not bench.turns.can_reopen(0)
    assert bench.turns.reopen() is None
    assert await bench.told(TurnReopened) == []


async def test_a_reopened_turn_that_is_left_keeps_its_first_part():
    """When the second part is cleared, the item gets the first part's text again."""
    bench = Bench("First.")
    bench.turns.over(over(b"one"))
    await bench.told(TurnCommitted)
    bench.turns.reopen()
    bench.turns.left()
    committed = await bench.told(TurnCommitted)
    assert len(committed) == 1
    assert (bench.stt.heard, bench.texts) == ([b"one", b"one"], ["First.", "First."])


async def test_a_guess_for_a_reopened_turn_hears_both_parts():
    """The guess of the second part includes the first."""
    bench = Bench("Text.")
    bench.turns.over(over(b"one"))
    await bench.told(TurnCommitted)
    bench.turns.reopen()
    bench.turns.maybe_over(b"two")
    bench.turns.over(over(b"two", is_guessed=True))
    await bench.told(TurnCommitted)
    assert bench.stt.heard == [b"one", b"onetwo"]


@pytest.mark.parametrize("text", ["", "  ", "...", "?!"])
async def test_a_turn_without_words_is_nothing(text: str):
    """Stops alone are no words; such a turn cannot be continued."""
    bench = Bench(text)
    bench.turns.over(over())
    await bench.told(TurnCommitted)
    assert (bench.texts, bench.nothings, bench.turns.last) == ([], 1, None)


async def test_a_failing_guess_that_nobody_needs_is_forgotten():
    """The failure of a transcript that was void anyway is told to nobody."""
    bench = Bench(RuntimeError("broken"))
    bench.turns.maybe_over(b"so")
    assert await bench.told(ItemFailed) == []
    bench.turns.resumed()
    await bench.turns.close()
