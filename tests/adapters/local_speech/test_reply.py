"""One reply: sentences spoken while the model writes, its text just before its sound."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.adapters.local_speech.mailbox import ROOMY_EVENTS, Outbox
from agentvoice.adapters.local_speech.reply import TOKENS_PER_SENTENCE, Reply
from agentvoice.adapters.local_speech.stages import ChatMessage, Stages
from agentvoice.core.agent import LocalSettings
from agentvoice.core.speech import AudioDelta, ItemAdded, ItemTextDelta, SpeechEvent, SpeechStarted
from agentvoice.errors import ConnectionLost
from tests.fakes.stages import MS_PER_WORD, ScriptedLlm, ScriptedStt, ScriptedTts, TextStep, tone

MESSAGES = (ChatMessage("user", "Hi."),)


class Bench:
    """A reply over scripted stages, and what it told."""

    def __init__(self, *script: TextStep, max_reply_sentences: int = 2) -> None:
        self.llm, self.tts, self.outbox = ScriptedLlm(list(script)), ScriptedTts(), Outbox()
        stages = Stages(ScriptedStt(""), self.llm, self.tts)
        local = LocalSettings(voice="v", max_reply_sentences=max_reply_sentences)
        self.reply = Reply("r", "i", stages, local, self.outbox)
        self.noted: list[str] = []
        self.reply.on_text = self.noted.append

    async def told(self) -> list[SpeechEvent]:
        self.outbox.put(SpeechStarted(0))
        events: list[SpeechEvent] = []
        while not isinstance(event := await self.outbox.take(), SpeechStarted):
            assert event is not None
            events.append(event)
        return events


async def test_each_text_comes_just_before_its_sound():
    """Item, then text and its sound by turns; samples that were cut in two are whole again."""
    bench = Bench("One is one. Two ", "is two.")
    await bench.reply.think(MESSAGES)
    events = await bench.told()
    assert [type(event) for event in events] == [
        ItemAdded,
        ItemTextDelta,
        AudioDelta,
        AudioDelta,
        ItemTextDelta,
        AudioDelta,
        AudioDelta,
    ]
    assert bench.noted == ["One is one.", " Two is two."]
    sounds = [event.chunk.samples for event in events if isinstance(event, AudioDelta)]
    assert all(len(sound) % 2 == 0 for sound in sounds)
    assert b"".join(sounds[:2]) == tone(3 * MS_PER_WORD, frequency_hz=440.0)
    assert bench.reply.audio_ms == 6 * MS_PER_WORD
    assert bench.tts.spoken == [("One is one.", "v"), ("Two is two.", "v")]


async def test_the_model_writes_on_while_a_sentence_is_spoken():
    """The voice is not waited for, up to a bound."""
    bench = Bench(*[f"Sentence {number}. " for number in range(20)], max_reply_sentences=20)
    bench.tts.before["Sentence 0."] = gate = asyncio.Event()
    task = asyncio.create_task(bench.reply.think(MESSAGES))
    for _ in range(100):
        await asyncio.sleep(0)
    assert 3 <= len(bench.llm.given) <= 6
    gate.set()
    await task
    assert len(bench.tts.spoken) == 20


async def test_the_model_is_given_tokens_by_sentences():
    """A reply whose sentences never end is bounded by its tokens."""
    bench = Bench("Yes.", max_reply_sentences=3)
    await bench.reply.think(MESSAGES)
    assert bench.llm.max_tokens == [3 * TOKENS_PER_SENTENCE]


async def test_what_cannot_be_spoken_is_left_out():
    """Markdown goes from sound and transcript alike; pictures alone are no sentence."""
    bench = Bench("**Sure!** 😀. ", "Here it is.", max_reply_sentences=2)
    await bench.reply.think(MESSAGES)
    assert bench.noted == ["Sure!", " Here it is."]


async def test_a_failure_comes_after_the_sentences_before_it():
    """What the model said before it broke off is spoken."""
    bench = Bench("One is one. Two", ConnectionLost("broken"))
    with pytest.raises(ConnectionLost):
        await bench.reply.think(MESSAGES)
    assert bench.noted == ["One is one."]


async def test_a_failing_voice_tells_no_text():
    """Text that has no sound was never heard."""
    bench = Bench("One is one. Two is two.")
    bench.tts.before["One is one."] = ConnectionLost("no voice")
    with pytest.raises(ConnectionLost):
        await bench.reply.think(MESSAGES)
    assert await bench.told() == []
    assert bench.llm.active == 0


@pytest.mark.parametrize("where", ["model", "voice", "room", "full queue"])
async def test_cancelling_closes_both_streams(where: str):
    """Wherever the reply waits, a cancel ends it and the work behind it."""
    script: list[TextStep] = [f"Sentence {number}. " for number in range(9)]
    bench = (
        Bench("One is one. T", asyncio.Event()) if where == "model" else Bench(*script, max_reply_sentences=9)
    )
    if where == "room":
        for number in range(ROOMY_EVENTS):
            bench.outbox.put(SpeechStarted(number))
    elif where != "model":
        bench.tts.between["Sentence 0."] = asyncio.Event()
    task = asyncio.create_task(bench.reply.think(MESSAGES))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()
    assert (bench.llm.active, bench.tts.active) == (0, 0)


async def test_nothing_is_told_once_it_is_over():
    """A reply that was ended from outside finishes silently."""
    bench = Bench("One is one.")
    bench.reply.is_over = True
    await bench.reply.think(MESSAGES)
    assert (await bench.told(), bench.noted) == ([], [])


async def test_a_given_text_stays_as_it_is_in_the_transcript():
    """Only the voice gets the cleaned text."""
    bench = Bench()
    await bench.reply.say("*Hi!*  I am Ada. 😀 ")
    assert "".join(bench.noted) == "*Hi!*  I am Ada. "
    assert [text for text, _ in bench.tts.spoken] == ["Hi!", "I am Ada."]
