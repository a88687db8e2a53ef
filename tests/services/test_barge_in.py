"""Who interrupts, who asks for replies, and what a false interruption costs: through a whole call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentvoice.core.item import ItemKind, ItemStatus
from agentvoice.core.leg import CallerAudio, CallerText, CallStatus, InterruptPressed, TurnEnded
from agentvoice.core.openai_settings import Interruption, OpenAISettings, TurnDetection
from agentvoice.core.speech import (
    AudioDelta,
    CancelResponse,
    CommitInput,
    ItemDone,
    ItemFailed,
    ItemRemoved,
    Respond,
    ResponseEnded,
    ResponseStatus,
    SessionLost,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    TruncateItem,
    TurnCommitted,
)
from agentvoice.storage import agents
from tests.fakes.speech_session import FIXED, FakeEngine, sound
from tests.services.conftest import ADA, House

SENSITIVE = Interruption(min_speech_ms=200, resume_false_ms=800)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose engine is the provider's."""
    built = House(tmp_path, FakeEngine("openai", FIXED))
    yield built
    await built.close()


async def begin(house: House, **openai: Any) -> None:
    """A live call with an agent of these settings, who does not greet."""
    profile = replace(ADA, greeting="", engines=("openai",), openai=OpenAISettings(**openai))
    with house.database.writing() as session:
        agents.update_agent(session, profile, house.clock.utc_ms())
    await house.live_call()


async def speaks(house: House, ms: int = 1_000, *, end: bool = False) -> None:
    """The agent says `one two three four` in `ms`; the caller hears 500 ms of it."""
    house.session.emit_reply("r1", "one two three four", ms, end=end)
    await house.settle()
    house.leg.hear(500)
    await house.settle()


async def tell(house: House, *events: Any) -> None:
    house.session.emit(*events)
    await house.settle()


def answers(house: House) -> list[tuple[str, ItemStatus]]:
    """The agent's and caller's messages as shown."""
    return [(i.text, i.status) for i in house.leg.items.values() if i.kind is ItemKind.MESSAGE]


# Who interrupts.


async def test_a_provider_that_interrupts_is_sent_no_cancel(house: House):
    """Its speech_started: output cleared, item truncated at the millisecond heard, nothing more."""
    await begin(house)
    await speaks(house)
    await tell(house, SpeechStarted(0))
    assert house.leg.clears == 1
    assert house.session.told_of(TruncateItem)[0].heard_ms == 500
    assert house.session.told_of(CancelResponse) == []
    await tell(house, AudioDelta("item-of-r1", 0, sound(300), "r1"))
    assert house.leg.queued_samples == 0
    await tell(house, ResponseEnded("r1", ResponseStatus.CANCELLED))
    assert house.leg.items and answers(house)[0][1] is ItemStatus.INTERRUPTED


async def test_a_thinking_provider_is_sent_no_cancel_either(house: House):
    """Nothing was to be cleared, and the reply stops by itself."""
    await begin(house)
    house.session.emit_reply("r1", "one", 0, end=False)
    await tell(house, SpeechStarted(0))
    assert house.session.told_of(CancelResponse) == []


async def test_a_button_cancels_what_the_provider_would_not(house: House):
    """By button we do send the cancel, also after the provider's own interruption."""
    await begin(house)
    await speaks(house)
    await tell(house, SpeechStarted(0))
    house.leg.do(InterruptPressed())
    await house.settle()
    assert house.session.told_of(CancelResponse) == [CancelResponse("r1")]


async def test_a_typed_turn_cancels(house: House):
    """Typing over the agent is no speech that the provider could hear."""
    await begin(house)
    await speaks(house)
    house.leg.do(CallerText("stop"))
    await house.settle()
    assert house.session.told_of(CancelResponse) == [CancelResponse("r1")]


async def test_speech_that_may_not_interrupt_is_answered_after(house: House):
    """interrupt_response=false: the agent speaks on; the turn gets the reply that the provider misses."""
    await begin(house, turn_detection=TurnDetection(interrupt_response=False))
    await speaks(house)
    await tell(house, SpeechStarted(0), SpeechStopped(900), TurnCommitted("t1"))
    assert house.leg.clears == 0
    assert house.session.told_of(Respond) == [Respond()]


async def test_such_speech_when_the_reply_is_made_is_the_providers_to_answer(house: House):
    """Only sound is still playing: the provider replies to the turn by itself."""
    await begin(house, turn_detection=TurnDetection(interrupt_response=False))
    await speaks(house, end=True)
    await tell(house, SpeechStarted(0), SpeechStopped(900), TurnCommitted("t1"))
    assert house.session.told_of(Respond) == []


async def test_we_ask_for_replies_that_the_provider_leaves_to_us(house: House):
    """create_response=false: one response.create for each turn."""
    await begin(house, turn_detection=TurnDetection(create_response=False))
    await tell(house, SpeechStarted(0), SpeechStopped(900), TurnCommitted("t1"), ItemDone("t1", "Ahoy"))
    assert house.session.told_of(Respond) == [Respond()]


# Manual turns.


async def test_a_manual_turn_is_committed_and_answered(house: House):
    """The caller says when: commit, then one request."""
    await begin(house, turn_detection=TurnDetection("manual"))
    house.leg.do(CallerAudio(sound(400)), TurnEnded())
    await house.settle()
    assert [type(command) for command in house.session.told[-2:]] == [CommitInput, Respond]
    await tell(house, TurnCommitted("t1"), ItemDone("t1", "Ahoy"))
    assert house.session.told_of(Respond) == [Respond()]


async def test_a_manual_turn_interrupts(house: House):
    """Push to talk over the agent: cut where it was heard, cancelled by us."""
    await begin(house, turn_detection=TurnDetection("manual"))
    await speaks(house)
    house.leg.do(CallerAudio(sound(400)), TurnEnded())
    await house.settle()
    assert house.session.told_of(CancelResponse) == [CancelResponse("r1")]
    assert house.session.told_of(TruncateItem)[0].heard_ms == 500


@pytest.mark.parametrize(("kind", "ms"), [("manual", 80), ("server_vad", 400)])
async def test_a_turn_without_sound_or_for_others_is_not_committed(house: House, kind: str, ms: int):
    """Less than 100 ms is no turn; with a VAD the session finds the turns."""
    await begin(house, turn_detection=TurnDetection(kind))
    house.leg.do(CallerAudio(sound(ms)), TurnEnded())
    await house.settle()
    assert not house.session.told_of(CommitInput) and not house.session.told_of(Respond)


async def test_a_turn_that_ends_in_a_gap_is_ended_in_the_next_session(house: House):
    """The session was lost while the button was down: nothing of the turn is lost."""
    await begin(house, turn_detection=TurnDetection("manual"))
    await tell(house, SessionLost("gone"))
    house.leg.do(CallerAudio(sound(400)), TurnEnded())
    await house.settle()
    await house.clock.advance(5)
    await house.settle()
    assert len(house.engine.sessions) == 2
    await tell(house, SessionReady("s2"))
    assert [type(command) for command in house.session.told[-2:]] == [CommitInput, Respond]


# Sensitivity.


async def hold(house: House, **settings: int) -> None:
    """The agent speaks, the caller makes a sound of 300 ms over it, the answer is held at 500 ms."""
    await begin(house, interruption=replace(SENSITIVE, **settings))
    await speaks(house)
    await tell(house, SpeechStarted(1_000))
    await house.clock.advance(0.25)
    await house.settle()
    assert (house.leg.clears, house.leg.queued_samples) == (1, 0)
    assert not house.session.told_of(TruncateItem) and not house.session.told_of(CancelResponse)


async def test_a_false_interruption_plays_on_where_it_was_held(house: House):
    """A cough: its turn has no words; the unheard rest is played and the text is whole."""
    await hold(house)
    await tell(house, AudioDelta("item-of-r1", 0, sound(200), "r1"))
    assert house.leg.queued_samples == 0  # held back too
    await tell(house, SpeechStopped(2_100), TurnCommitted("t1"), ItemRemoved("t1"))
    assert house.leg.queued_samples == 700 * 24
    assert house.leg.status is CallStatus.SPEAKING
    await tell(house, ItemDone("item-of-r1"), ResponseEnded("r1", ResponseStatus.COMPLETED))
    house.leg.hear_all()
    await house.settle()
    assert answers(house)[0] == ("one two three four", ItemStatus.COMPLETED)
    assert not house.session.told_of(TruncateItem) and not house.session.told_of(Respond)


async def test_words_confirm_the_interruption_and_get_the_reply(house: House):
    """Truncate at the millisecond of the pause, cancel, then one request; the text is what was heard."""
    await hold(house)
    await tell(house, SpeechStopped(2_100), TurnCommitted("t1"))
    assert house.session.told_of(Respond) == []
    await tell(house, ItemDone("t1", "wait"))
    assert house.session.told_of(TruncateItem)[0].heard_ms == 500
    assert [type(c) for c in house.session.told if isinstance(c, TruncateItem | CancelResponse)] == [
        TruncateItem,
        CancelResponse,
    ]
    assert house.session.told_of(Respond) == [Respond()]
    await tell(house, ResponseEnded("r1", ResponseStatus.CANCELLED))
    assert house.leg.queued_samples == 0
    assert [status for _, status in answers(house)] == [ItemStatus.INTERRUPTED, ItemStatus.COMPLETED]


async def test_words_of_an_older_turn_confirm_nothing(house: House):
    """The transcript of the turn before often comes while its reply is spoken."""
    await begin(house, interruption=SENSITIVE)
    await tell(house, SpeechStarted(0), SpeechStopped(900), TurnCommitted("t0"))
    await speaks(house)
    await tell(house, SpeechStarted(2_000))
    await house.clock.advance(0.25)
    await tell(house, ItemDone("t0", "Ahoy"))
    await tell(house, SpeechStopped(3_100), TurnCommitted("t1"), ItemRemoved("t1"))
    assert house.leg.queued_samples == 500 * 24
    assert not house.session.told_of(CancelResponse)
    assert house.session.told_of(Respond) == [Respond()]  # to the older turn


async def test_a_turn_that_cannot_be_written_down_counts_as_words(house: House):
    """Better one interruption too many than a caller who is not heard."""
    await hold(house)
    await tell(house, SpeechStopped(2_100), TurnCommitted("t1"), ItemFailed("t1", "no"))
    assert house.session.told_of(CancelResponse) == [CancelResponse("r1")]
    assert house.session.told_of(Respond) == [Respond()]


async def test_words_that_come_too_late_still_get_a_reply(house: House):
    """The answer went on after 800 ms without words; the turn is answered after it."""
    await hold(house)
    await tell(house, SpeechStopped(2_100), TurnCommitted("t1"))
    await house.clock.advance(0.9)
    await house.settle()
    assert house.leg.queued_samples == 500 * 24
    await tell(house, ItemDone("t1", "wait"))
    assert house.session.told_of(Respond) == [Respond()]
    assert house.session.told_of(CancelResponse) == []


async def test_speech_that_is_too_short_does_not_interrupt(house: House):
    """100 ms net of padding and silence, over 200 wanted: no cut, and no reply to nothing."""
    await begin(house, interruption=Interruption(min_speech_ms=200))
    await speaks(house)
    await tell(house, SpeechStarted(1_000))
    await house.clock.advance(0.6)
    await tell(house, SpeechStopped(1_900), TurnCommitted("t1"), ItemRemoved("t1"))
    await house.clock.advance(5)
    assert (house.leg.clears, house.session.told_of(Respond)) == (0, [])


async def test_long_speech_interrupts_without_waiting_for_words(house: House):
    """min_speech_ms alone: cut once the speech is surely longer."""
    await begin(house, interruption=Interruption(min_speech_ms=200))
    await speaks(house)
    await tell(house, SpeechStarted(1_000))
    await house.clock.advance(0.75)
    await house.settle()
    assert house.session.told_of(CancelResponse) == [CancelResponse("r1")]
    await tell(house, SpeechStopped(2_900), TurnCommitted("t1"))
    assert house.session.told_of(Respond) == [Respond()]  # and its reply does not wait for words either


async def test_speech_while_nobody_speaks_is_an_ordinary_turn(house: House):
    """Sensitivity costs no time then: the reply is asked for when the turn is committed."""
    await begin(house, interruption=SENSITIVE)
    await tell(house, SpeechStarted(0), SpeechStopped(900), TurnCommitted("t1"))
    assert house.session.told_of(Respond) == [Respond()]


async def test_a_button_cuts_what_is_held(house: House):
    """The caller does not wait for their own words."""
    await hold(house)
    house.leg.do(InterruptPressed())
    await house.settle()
    assert house.session.told_of(TruncateItem)[0].heard_ms == 500
    assert house.session.told_of(CancelResponse) == [CancelResponse("r1")]
    await tell(house, SpeechStopped(2_100), TurnCommitted("t1"), ItemRemoved("t1"))
    assert house.leg.queued_samples == 0
