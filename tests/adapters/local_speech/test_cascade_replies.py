"""Replies of the local session: one at a time, stopped at once, in the right agent's voice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.speech import (
    AudioDelta,
    CancelResponse,
    Configure,
    CreateItem,
    ItemAdded,
    ItemTextDelta,
    Respond,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SessionError,
    TruncateItem,
)
from tests.fakes.session_probe import config, names, probe_of
from tests.fakes.stages import silence


async def test_first_audio_leaves_before_the_answer_is_complete():
    """The first sentence is heard while the model still writes the second."""
    more = asyncio.Event()
    probe = probe_of(["One is done. Two", more, " comes later."])
    await probe.say()
    await probe.wait_for(AudioDelta)
    assert probe.text == "One is done."
    assert probe.told(ResponseEnded) == []
    more.set()
    await probe.wait_for(ResponseEnded)
    assert probe.text == "One is done. Two comes later."
    await probe.close()


async def test_a_reply_has_at_most_the_sentences_of_the_settings():
    """After max_reply_sentences the model is stopped, though it would go on."""
    probe = probe_of(["One. ", "Two. ", "Three. F", asyncio.Event()], max_reply_sentences=2)
    await probe.say()
    assert (await probe.wait_for(ResponseEnded)).status is ResponseStatus.COMPLETED
    assert probe.text == "One. Two."
    assert probe.models.llm.active == 0
    await probe.close()


async def test_late_audio_never_plays():
    """After a cancel the reply's streams are closed and nothing of it is told any more."""
    probe = probe_of(["One is one. ", "Two is two. T", asyncio.Event()])
    probe.models.tts.between["Two is two."] = gate = asyncio.Event()
    await probe.say()
    await probe.wait_for(ItemTextDelta, 2)
    probe.send(CancelResponse(probe.told(ResponseStarted)[0].response))
    told = len(probe.events)
    gate.set()
    await probe.settle()
    assert names(probe.events[told:]) == ["UsageReported", "ResponseEnded"]
    assert probe.told(ResponseEnded)[0].status is ResponseStatus.CANCELLED
    assert probe.models.llm.active == probe.models.tts.active == 0
    await probe.close()


async def test_newer_reply_survives():
    """A cancel that names an older reply does not stop the one being made; a repeat is no error."""
    gate = asyncio.Event()
    probe = probe_of(["First."], ["Second ", gate, "one."])
    await probe.say()
    ended = await probe.wait_for(ResponseEnded)
    probe.send(Respond())
    await probe.settle()
    probe.send(CancelResponse(ended.response))
    gate.set()
    assert (await probe.wait_for(ResponseEnded, 2)).status is ResponseStatus.COMPLETED
    probe.send(CancelResponse())
    await probe.settle()
    assert len(probe.told(ResponseEnded)) == 2
    assert probe.told(SessionError) == []
    await probe.close()


async def test_one_response_at_a_time():
    """A reply asked for while one is made waits for its end; of several the newest wins."""
    gate = asyncio.Event()
    probe = probe_of(["First ", gate, "one."])
    probe.send(Respond())
    probe.send(Respond("Too old."))
    probe.send(Respond("Newest one."))
    await probe.settle()
    assert len(probe.told(ResponseStarted)) == 1
    gate.set()
    await probe.wait_for(ResponseEnded, 2)
    await probe.settle()
    assert len(probe.told(ResponseStarted)) == 2
    assert probe.text == "First one.Newest one."
    assert probe.models.llm.most_active == 1
    await probe.close()


async def test_a_new_turn_supersedes_the_reply_to_the_one_before():
    """Even if nobody cancelled it, the old reply ends before the new one begins."""
    probe = probe_of(["Never ending. ", "More. M", asyncio.Event()], ["New answer."], max_reply_sentences=5)
    await probe.say()
    await probe.wait_for(AudioDelta)
    await probe.hear(silence(2_000))
    await probe.say()
    await probe.wait_for(ResponseEnded, 2)
    assert [ended.status for ended in probe.told(ResponseEnded)] == [
        ResponseStatus.CANCELLED,
        ResponseStatus.COMPLETED,
    ]
    kinds = names(probe.events)
    assert kinds.index("ResponseEnded") < len(kinds) - kinds[::-1].index("ResponseStarted") - 1
    await probe.close()


async def test_truncate_keeps_what_was_heard():
    """The model is told only the words the caller heard; an unheard reply is forgotten."""
    probe = probe_of(["One is one. Two is two."])
    await probe.say()
    await probe.wait_for(ResponseEnded)
    ref = probe.told(ItemAdded)[1].ref
    probe.send(TruncateItem(ref, 0, 500, "One is"))
    probe.send(Respond())
    await probe.wait_for(ResponseEnded, 2)
    assert [message.content for message in probe.models.llm.asked[1]][1:3] == ["Hello there.", "One is"]
    probe.send(TruncateItem(probe.told(ItemAdded)[2].ref, 0, 0))
    probe.send(Respond())
    await probe.wait_for(ResponseEnded, 3)
    assert [message.content for message in probe.models.llm.asked[2]][1:3] == ["Hello there.", "One is"]
    await probe.close()


async def test_greeting_is_spoken_word_for_word():
    """Respond(say) asks no model; the transcript keeps the text as written."""
    probe = probe_of()
    probe.send(Respond("Hi, **Ada** here. How are you?  Fine?"))
    await probe.wait_for(ResponseEnded)
    assert probe.text == "Hi, **Ada** here. How are you?  Fine?"
    assert [text for text, _ in probe.models.tts.spoken] == ["Hi, Ada here.", "How are you?", "Fine?"]
    assert probe.models.llm.asked == []
    await probe.close()


async def test_configure_makes_the_session_another_agent_at_once():
    """Instructions, voice and settings change in place; the context, with its trigger, stays."""
    probe = probe_of(["Ada speaks."], ["Max speaks."], heard=("What is steel?",))
    await probe.say()
    await probe.wait_for(ResponseEnded)
    probe.send(Configure(config("max", ())))
    probe.send(Respond())
    await probe.wait_for(ResponseEnded, 2)
    assert [voice for _, voice in probe.models.tts.spoken] == ["voice of ada", "voice of max"]
    system, *turns = probe.models.llm.asked[1]
    assert system.content == "You are Max."
    assert [turn.content for turn in turns] == [
        "What is steel?",
        "Ada speaks.",
        "[The caller was handed over from Ada to you, Max.]",
    ]
    assert probe.models.asked_for[-1].voice == "voice of max"
    await probe.close()


async def test_configure_stops_the_old_agent():
    """The reply of the agent that is replaced does not go on in the new agent's voice."""
    probe = probe_of(["One. T", asyncio.Event()])
    await probe.say()
    await probe.wait_for(AudioDelta)
    probe.send(Configure(config("max", ())))
    assert (await probe.wait_for(ResponseEnded)).status is ResponseStatus.CANCELLED
    await probe.close()


async def test_replayed_items_are_the_context():
    """A new session is given the conversation: messages by role, handovers as a remark."""
    probe = probe_of()
    base = Item("1", 0, ItemKind.MESSAGE, Role.USER, "ada", "Hi.", ItemStatus.COMPLETED)
    for item in (
        base,
        replace(base, id="2", role=Role.AGENT, text="Hello, I am Ada."),
        replace(base, id="3", kind=ItemKind.TOOL_CALL, role=Role.AGENT, text="{}"),
        replace(base, id="4", kind=ItemKind.HANDOVER, role=Role.SYSTEM, text="ada -> max"),
        replace(base, id="5", role=Role.AGENT, text=""),
    ):
        probe.send(CreateItem(item))
    probe.send(Respond())
    await probe.wait_for(ResponseEnded)
    assert [(m.role, m.content) for m in probe.models.llm.asked[0]] == [
        ("system", "You are Ada."),
        ("user", "Hi."),
        ("assistant", "Hello, I am Ada."),
        ("user", "[The caller was handed over: ada -> max.]"),
    ]
    await probe.close()
