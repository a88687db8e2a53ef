"""A turn whose end was a mistake re-opens; interruptions in either order of their commands."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.core.speech import (
    AudioDelta,
    CancelResponse,
    ItemAdded,
    ItemDone,
    ItemRemoved,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SpeechStarted,
    TruncateItem,
    TurnCommitted,
    TurnReopened,
)
from tests.fakes.session_probe import SessionProbe, names, probe_of
from tests.fakes.stages import silence, speech


def slow() -> list[str | asyncio.Event]:
    """A reply that begins and never ends."""
    return ["One is one. T", asyncio.Event()]


async def spoken_to(probe: SessionProbe) -> TruncateItem:
    """Let the caller speak and the reply begin; return the truncation of nothing heard."""
    await probe.say()
    await probe.wait_for(AudioDelta)
    return TruncateItem(probe.told(ItemAdded)[1].ref, 0, 0)


def asked(probe: SessionProbe) -> list[list[str]]:
    return [[message.content for message in messages[1:]] for messages in probe.models.llm.asked]


async def test_speech_before_any_reply_reopens_the_turn():
    """The reply is cancelled, both parts are transcribed as one, the item's text is replaced."""
    probe = probe_of([asyncio.Event()], ["Now."], heard=("I would like", "I would like some tea."))
    await probe.say()
    await probe.wait_for(ResponseStarted)
    await probe.say()
    await probe.wait_for(ResponseEnded, 2)
    assert names(probe.events)[7:15] == [
        "ResponseStarted",
        "SpeechStarted",
        "UsageReported",
        "ResponseEnded",
        "TurnReopened",
        "SpeechStopped",
        "TurnCommitted",
        "UsageReported",
    ]
    assert len({event.ref for event in probe.told(TurnCommitted)}) == 1
    assert probe.told(TurnReopened)[0].ref == probe.told(TurnCommitted)[0].ref
    assert [done.text for done in probe.told(ItemDone)][:2] == ["I would like", "I would like some tea."]
    assert asked(probe) == [["I would like"], ["I would like some tea."]]
    first, both = probe.models.stt.heard
    assert len(both) > len(first) + 16 * 2 * 500
    assert both.startswith(first)
    await probe.close()


async def test_speech_while_the_transcript_is_made_reopens_the_turn():
    """The transcript of the first part is given up, and only the whole is told."""
    probe = probe_of(heard=((asyncio.Event(),), "The whole sentence."))
    await probe.say()
    await probe.say()
    await probe.wait_for(ResponseEnded)
    assert probe.models.stt.given_up == 1
    assert [done.text for done in probe.told(ItemDone)][0:1] == ["The whole sentence."]
    assert len(probe.told(ResponseStarted)) == 1
    await probe.close()


@pytest.mark.parametrize("order", ["truncate first", "cancel first", "truncate before the speech"])
async def test_a_reply_of_which_nothing_was_heard_reopens_the_turn(order: str):
    """When the call says that no word was heard, the turn re-opens in whichever order it says so."""
    probe = probe_of(slow(), ["Now."], heard=("I would like", "I would like some tea."))
    truncate = await spoken_to(probe)
    cancel = CancelResponse(probe.told(ResponseStarted)[0].response)
    if order == "truncate before the speech":
        probe.send(truncate)
        probe.send(cancel)
    await probe.hear(speech(300))
    if order == "truncate first":
        probe.send(truncate)
        probe.send(cancel)
    elif order == "cancel first":
        probe.send(cancel)
        probe.send(truncate)
    await probe.hear(silence(600))
    await probe.wait_for(ResponseEnded, 2)
    assert len(probe.told(TurnReopened)) == 1
    assert [ended.status for ended in probe.told(ResponseEnded)] == [
        ResponseStatus.CANCELLED,
        ResponseStatus.COMPLETED,
    ]
    assert asked(probe)[1] == ["I would like some tea."]
    await probe.close()


async def test_less_than_a_word_heard_is_nothing_heard():
    """A blip of the reply without one whole word is no answer: the turn re-opens."""
    probe = probe_of(slow(), ["Now."], heard=("I would like", "I would like some tea."))
    truncate = await spoken_to(probe)
    await probe.hear(speech(300))
    probe.send(TruncateItem(truncate.ref, 0, 90, ""))
    await probe.hear(silence(600))
    await probe.wait_for(ResponseEnded, 2)
    assert len(probe.told(TurnReopened)) == 1
    await probe.close()


async def test_a_reply_that_was_heard_is_interrupted_not_taken_back():
    """A barge-in after words were heard begins a new turn; the model keeps the words heard."""
    probe = probe_of(slow(), ["Now."], heard=("First.", "Second."))
    truncate = await spoken_to(probe)
    await probe.hear(speech(300))
    probe.send(TruncateItem(truncate.ref, 0, 60, "One"))
    probe.send(CancelResponse(probe.told(ResponseStarted)[0].response))
    await probe.hear(silence(600))
    await probe.wait_for(ResponseEnded, 2)
    assert probe.told(TurnReopened) == []
    assert asked(probe)[1] == ["First.", "One", "Second."]
    await probe.close()


async def test_speech_long_after_the_commit_is_a_new_turn():
    """After 1.5 s the turn stands, even if its reply is not there yet."""
    probe = probe_of([asyncio.Event()], ["Now."], heard=("First.", "Second."))
    await probe.say()
    await probe.hear(silence(1_600))
    await probe.say()
    probe.send(CancelResponse(probe.told(ResponseStarted)[0].response))
    await probe.wait_for(ResponseEnded, 2)
    assert probe.told(TurnReopened) == []
    assert asked(probe)[1] == ["First.\nSecond."]
    await probe.close()


async def test_a_truncation_that_comes_after_the_next_turn_reopens_nothing():
    """Once a new turn is committed the old one stays as it is."""
    probe = probe_of(slow(), ["Now."], heard=("First.", "Second."))
    truncate = await spoken_to(probe)
    await probe.say()
    probe.send(truncate)
    await probe.wait_for(ResponseEnded, 2)
    assert probe.told(TurnReopened) == []
    assert len({event.ref for event in probe.told(TurnCommitted)}) == 2
    await probe.close()


async def test_a_cough_does_not_cost_the_answer():
    """A reply cancelled unheard by noise without words is made again."""
    probe = probe_of([asyncio.Event()], ["The answer."], heard=("The question?", ""))
    await probe.say()
    await probe.hear(silence(1_600))
    await probe.hear(speech(200))
    probe.send(CancelResponse(probe.told(ResponseStarted)[0].response))
    await probe.hear(silence(600))
    await probe.wait_for(ItemRemoved)
    await probe.wait_for(ResponseEnded, 2)
    assert probe.text == "The answer."
    assert asked(probe)[1] == ["The question?"]
    await probe.close()


async def test_a_transcript_that_comes_while_the_caller_speaks_waits():
    """A turn written down late is answered together with what the caller says meanwhile."""
    gate = asyncio.Event()
    probe = probe_of(["Both."], heard=((gate, "First."), "Second."))
    await probe.say()
    await probe.hear(silence(1_600), speech(400))
    gate.set()
    await probe.wait_for(ItemDone)
    await probe.settle()
    assert probe.told(ResponseStarted) == []
    await probe.hear(silence(600))
    await probe.wait_for(ResponseEnded)
    assert asked(probe) == [["First.\nSecond."]]
    assert len(probe.told(SpeechStarted)) == 2
    await probe.close()


async def test_a_turn_may_reopen_more_than_once():
    """Three parts with pauses become one item."""
    probe = probe_of([asyncio.Event()], [asyncio.Event()], ["Now."], heard=("A", "A b", "A b c."))
    for count in (1, 2):
        await probe.say()
        await probe.wait_for(ResponseStarted, count)
    await probe.say()
    await probe.wait_for(ResponseEnded, 3)
    assert len(probe.told(TurnReopened)) == 2
    assert asked(probe)[-1] == ["A b c."]
    await probe.close()
