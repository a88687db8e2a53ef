"""The begin of what the caller says: it is never cut off by a barge-in or an order to clear."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentvoice.core.leg import InterruptPressed, SwitchAsked
from agentvoice.core.speech import ClearInput, CommitInput
from tests.realtime_calls.conftest import CAST, RealtimeHouse


@pytest.mark.parametrize("kind", ["server_vad", "semantic_vad", "manual"])
async def test_speech_onset_kept(house: RealtimeHouse, kind: str):
    """The caller speaks over the agent: every frame from the first on reaches the provider, in order."""
    ada = CAST[0]
    turns = replace(ada.openai.turn_detection, kind=kind)
    house.edit(replace(ada, openai=replace(ada.openai, turn_detection=turns)))
    session = await house.live_call()
    await session.speaks_on("r1", "one two three four", 1_000)
    await house.settle()
    spoken = house.speaks(200, mark=1)
    await house.hears(300)
    await session.speech_started(at_ms=0)  # known 200 ms late, as turn detection does
    spoken += house.speaks(200, mark=2)
    await house.settle()
    assert "input_audio_buffer.clear" not in session.types
    assert session.link.input_buffer == spoken
    detection = session.config["audio"]["input"]["turn_detection"]
    if kind == "server_vad":
        assert detection["prefix_padding_ms"] >= 300
    await house.hang_up()


async def test_a_button_keeps_what_is_being_said(house: RealtimeHouse):
    """The caller presses the button in the middle of a word: nothing of the word is lost."""
    session = await house.live_call()
    await session.speaks_on("r1", "one two", 500)
    await house.settle()
    said = house.speaks(100)
    house.leg.do(InterruptPressed())
    said += house.speaks(200)
    await house.settle()
    assert session.link.input_buffer == said
    await house.hang_up()


async def test_what_is_said_in_a_handover_reaches_the_new_agent_from_its_first_frame(house: RealtimeHouse):
    """The caller speaks on while the new session opens: it gets all of it, in order."""
    session = await house.live_call()
    await session.replies("r0", "Ada here.", 100)
    await house.settle()
    await house.hears_all()
    house.leg.do(SwitchAsked("eva"))
    await house.clock.settle()
    said = house.speaks(300, mark=3)
    fresh = await house.provider.session()
    said += house.speaks(100, mark=4)
    await house.settle()
    before, after = session.link.input_buffer, fresh.link.input_buffer
    assert said.startswith(before) and said.endswith(after) and len(before) + len(after) >= len(said)
    await house.hang_up()


async def test_a_clear_forgets_only_what_was_said_before(house: RealtimeHouse):
    """Sound, clear, sound: what was appended after the order is all there when the turn is committed."""
    session = await house.live_call()
    house.speaks(200, mark=1)
    await house.clock.settle()
    live = house.manager._live[house.call_id]
    live._link.send(ClearInput())
    onset = house.speaks(300, mark=2)
    await house.settle()
    assert session.link.input_buffer == onset
    live._link.send(CommitInput())
    await house.settle()
    assert session.types == ["input_audio_buffer.clear", "input_audio_buffer.commit"]
    await house.hang_up()
