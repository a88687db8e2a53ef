"""Replies of a session: one is made, one may wait, each ends exactly once."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.adapters.local_speech.context import Context
from agentvoice.adapters.local_speech.mailbox import Outbox
from agentvoice.adapters.local_speech.replies import Replies, Wish
from agentvoice.adapters.local_speech.stages import Stages
from agentvoice.config import LocalEngineSettings
from agentvoice.core.item import Role
from agentvoice.core.speech import ResponseEnded, ResponseStarted, ResponseStatus, SpeechEvent, UsageReported
from agentvoice.errors import EngineUnavailable
from tests.fakes.session_probe import config
from tests.fakes.stages import ScriptedLlm, ScriptedStt, ScriptedTts, TextStep


class Bench:
    """Replies over scripted stages."""

    def __init__(self, *scripts: list[TextStep]) -> None:
        self.llm, self.tts = ScriptedLlm(*scripts), ScriptedTts()
        self.context, self.outbox = Context(config()), Outbox()
        self.replies = Replies(self.context, self.outbox, LocalEngineSettings())
        self.stages = Stages(ScriptedStt(""), self.llm, self.tts)
        self.replies.configure(self.stages, config().agent.local)

    async def until_ended(self, count: int = 1) -> list[SpeechEvent]:
        events: list[SpeechEvent] = []
        async with asyncio.timeout(10):
            while count:
                event = await self.outbox.take()
                assert event is not None
                events.append(event)
                count -= isinstance(event, ResponseEnded)
        return events


async def settle() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


async def test_the_model_reads_the_context_ahead():
    """What the agent is told is read when it is configured; a reply waits for that instead of racing it."""
    bench = Bench(["Hi."])
    bench.context.enter("u", Role.USER, "Hello?")
    bench.replies.ask(Wish())
    await bench.until_ended()
    assert [message.content for message in bench.llm.primed[0]] == ["You are Ada.", "Hello?"]
    assert bench.llm.primed == bench.llm.asked
    await bench.replies.close()


async def test_the_model_reads_ahead_while_a_greeting_is_heard():
    """What was replayed after the agent came, and the words it was told to say, are read before it is asked."""
    bench = Bench()
    await settle()
    bench.context.enter("u", Role.USER, "I want the other one.")
    bench.replies.ask(Wish("The other one speaking."))
    await bench.until_ended()
    await settle()
    read = [message.content for message in bench.llm.primed[-1]]
    assert read[:3] == ["You are Ada.", "I want the other one.", "The other one speaking."]
    await bench.replies.close()


async def test_nothing_is_read_ahead_after_a_farewell():
    """A reply with something to do after it is the last one: the model is left alone."""
    bench = Bench()
    await settle()
    primed = len(bench.llm.primed)
    bench.replies.ask(Wish("Goodbye!", then=lambda: None))
    await bench.until_ended()
    await settle()
    assert len(bench.llm.primed) == primed
    await bench.replies.close()


@pytest.mark.parametrize("failure", [EngineUnavailable("no model"), ValueError("a bug")])
async def test_reading_ahead_may_fail_unseen(failure: Exception):
    """A failing head start is the reply's business, if there is one."""
    bench = Bench(["Hi."])
    bench.llm.priming_failure = failure
    bench.replies.ask(Wish())
    ended = (await bench.until_ended())[-1]
    assert isinstance(ended, ResponseEnded) and ended.status is ResponseStatus.COMPLETED
    await bench.replies.close()


async def test_a_cancelled_reply_has_closed_before_the_next_begins():
    """Two replies never work at the same time, not even for a moment."""
    bench = Bench(["One is one. T", asyncio.Event()], ["Two."])
    for _ in range(3):
        bench.replies.ask(Wish())
        bench.replies.cancel()
    bench.replies.ask(Wish())
    await settle()
    bench.replies.cancel()
    bench.replies.ask(Wish())
    events = await bench.until_ended(5)
    assert [event.status for event in events if isinstance(event, ResponseEnded)] == [
        *[ResponseStatus.CANCELLED] * 4,
        ResponseStatus.COMPLETED,
    ]
    assert bench.llm.most_active == 1
    started = [event.response for event in events if isinstance(event, ResponseStarted)]
    assert started == [event.response for event in events if isinstance(event, ResponseEnded)]
    await bench.replies.close()


async def test_what_follows_a_reply_is_not_done_after_a_cancel():
    """`then` belongs to a reply that came to its end."""
    done: list[str] = []
    bench = Bench(["Hi."])
    bench.replies.ask(Wish("Bye.", then=lambda: done.append("first")))
    bench.replies.cancel()
    bench.replies.ask(Wish("Bye.", then=lambda: done.append("second")))
    await bench.until_ended(2)
    await settle()
    assert done == ["second"]
    await bench.replies.close()


async def test_a_waiting_wish_can_be_dropped():
    """What waits is not begun when it was forgotten."""
    bench = Bench(["Hi."])
    bench.replies.ask(Wish("One."))
    bench.replies.ask(Wish("Two."))
    bench.replies.forget_waiting()
    await bench.until_ended()
    await settle()
    assert [text for text, _ in bench.tts.spoken] == ["One."]
    assert bench.replies.active == ""
    await bench.replies.close()


async def test_a_withdrawn_reply_leaves_the_context():
    """The reply to a turn is stopped and forgotten, another turn's is not touched."""
    bench = Bench(["One is one. T", asyncio.Event()])
    bench.context.enter("turn_1", Role.USER, "Hello?")
    bench.replies.ask(Wish(turn="turn_1"))
    await settle()
    assert "One is one." in [message.content for message in bench.context.messages()]
    bench.replies.withdraw("turn_2")
    assert bench.replies.active
    assert bench.replies.turn_of("answer_1") == "turn_1"
    bench.replies.withdraw("turn_1")
    assert bench.replies.active == ""
    assert "One is one." not in [message.content for message in bench.context.messages()]
    await bench.replies.close()


async def test_usage_names_the_stage_that_did_the_work():
    """A thought reply is the language model's, a given text the voice's."""
    bench = Bench(["Hi."])
    bench.replies.ask(Wish())
    bench.replies.ask(Wish("Hello."))
    events = await bench.until_ended(2)
    assert [event.model for event in events if isinstance(event, UsageReported)] == [
        "smollm2-135m-instruct",
        "hibari",
    ]
    await bench.replies.close()


async def test_close_stops_everything_silently():
    """After close no event comes and no stream is open."""
    bench = Bench(["One is one. T", asyncio.Event()])
    bench.replies.ask(Wish())
    bench.replies.ask(Wish())
    await settle()
    await bench.replies.close()
    await bench.replies.close()
    assert (bench.llm.active, bench.tts.active, bench.replies.active) == (0, 0, "")
