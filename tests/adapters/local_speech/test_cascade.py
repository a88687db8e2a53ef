"""The local session over scripted stages: hearing a turn, and answering it."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.core.item import Role
from agentvoice.core.speech import (
    AudioDelta,
    ClearInput,
    CommitInput,
    ItemAdded,
    ItemDone,
    ItemRemoved,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SessionError,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    TurnCommitted,
    UsageReported,
)
from tests.fakes.session_probe import names, probe_of
from tests.fakes.stages import silence, speech


async def test_a_turn_is_answered_in_this_order():
    """Speech, commit, item, text, reply, text before its sound, done, usage, end: exactly once each."""
    probe = probe_of()
    await probe.say()
    await probe.wait_for(ResponseEnded)
    assert names(probe.events) == [
        "SessionReady",
        "SpeechStarted",
        "SpeechStopped",
        "TurnCommitted",
        "ItemAdded",
        "UsageReported",
        "ItemDone",
        "ResponseStarted",
        "ItemAdded",
        "ItemTextDelta",
        "AudioDelta",
        "ItemTextDelta",
        "AudioDelta",
        "ItemDone",
        "UsageReported",
        "ResponseEnded",
    ]
    assert probe.text == "Fine. And you?"
    assert probe.told(ItemDone)[0].text == "Hello there."
    assert probe.told(ResponseEnded)[0].status is ResponseStatus.COMPLETED
    user, agent = probe.told(ItemAdded)
    assert (user.role, agent.role) == (Role.USER, Role.AGENT)
    assert {delta.ref for delta in probe.told(AudioDelta)} == {agent.ref}
    await probe.close()


async def test_speech_times_count_the_sound_appended():
    """Started and stopped carry the ms of the appended sound, within a frame of the detector."""
    probe = probe_of()
    await probe.hear(silence(700))
    await probe.say(600, 500)
    assert abs(probe.told(SpeechStarted)[0].audio_ms - 700) <= 32
    assert abs(probe.told(SpeechStopped)[0].audio_ms - 1_300) <= 64
    await probe.close()


async def test_the_transcript_is_begun_in_the_hangover_silence():
    """At 200 ms of silence the turn is transcribed; at its end the same transcript is used."""
    probe = probe_of()
    await probe.hear(speech(500), silence(280))
    assert len(probe.models.stt.heard) == 1
    assert probe.told(TurnCommitted) == []
    await probe.hear(silence(250))
    await probe.wait_for(ResponseEnded)
    assert len(probe.models.stt.heard) == 1
    await probe.close()


async def test_a_wrong_guess_is_given_up():
    """When the caller goes on after the guess, it is cancelled and the whole turn is transcribed once."""
    probe = probe_of(heard=((asyncio.Event(),), "The whole."))
    await probe.hear(speech(400), silence(300), speech(400), silence(500))
    await probe.wait_for(ResponseEnded)
    assert probe.models.stt.given_up == 1
    first, whole = probe.models.stt.heard
    assert len(whole) > len(first) + 16 * 2 * 400
    assert probe.told(ItemDone)[0].text == "The whole."
    assert len(probe.told(TurnCommitted)) == 1
    await probe.close()


async def test_a_turn_without_words_is_removed():
    """Noise that is no speech after all leaves no item and gets no reply."""
    probe = probe_of(heard=(" ... ",))
    await probe.say()
    removed = await probe.wait_for(ItemRemoved)
    await probe.settle()
    assert removed.ref == probe.told(TurnCommitted)[0].ref
    assert probe.told(ResponseStarted) == []
    await probe.close()


@pytest.mark.parametrize("before", [0, 1])
async def test_speech_onset_kept(before: int):
    """The sound before the onset is in the turn: at the beginning, and while the agent speaks."""
    probe = probe_of(["A long answer, with many words. B", asyncio.Event()], heard=("Hello.",))
    if before:
        await probe.say()
        await probe.wait_for(AudioDelta)
        probe.send(ClearInput())
    await probe.hear(silence(1_000), speech(500), silence(600))
    sound = probe.models.stt.heard[-1]
    in_ms = len(sound) // 32
    assert 300 + 500 + 200 <= in_ms <= 300 + 500 + 200 + 3 * 32  # whole frames
    loud = [at for at in range(0, len(sound), 32) if max(sound[at + 1 : at + 32 : 2]) not in (0, 255)]
    assert 250 <= loud[0] // 32 <= 320
    await probe.close()


async def test_clear_forgets_the_open_turn_only():
    """A cleared turn is not transcribed; the speech that goes on begins a turn of its own."""
    probe = probe_of()
    await probe.hear(speech(400))
    probe.send(ClearInput())
    await probe.hear(silence(600))
    assert (probe.told(TurnCommitted), len(probe.told(SpeechStopped))) == ([], 1)
    await probe.say()
    await probe.wait_for(ResponseEnded)
    assert len(probe.told(TurnCommitted)) == 1
    await probe.close()


async def test_commit_ends_the_turn_now():
    """A manual commit does not wait for silence; without speech it is a benign error."""
    probe = probe_of()
    probe.send(CommitInput())
    error = await probe.wait_for(SessionError)
    assert (error.code, error.retryable) == ("input_empty", False)
    await probe.hear(speech(400))
    probe.send(CommitInput())
    await probe.wait_for(ResponseEnded)
    assert probe.text == "Fine. And you?"
    await probe.close()


async def test_usage_is_told_for_each_response_and_transcript():
    """Cost 0 rows: the model and the ms of sound, no tokens."""
    probe = probe_of()
    await probe.say()
    await probe.wait_for(ResponseEnded)
    transcript, reply = probe.told(UsageReported)
    assert (transcript.model, transcript.response) == ("moonshine-tiny-en", "")
    assert reply.model == "smollm2-135m-instruct"
    assert reply.audio_ms == pytest.approx(probe.sound_ms, abs=5)
    await probe.close()


async def test_two_silent_seconds_tell_nothing():
    """Silence alone makes no event but the session's readiness."""
    probe = probe_of()
    await probe.hear(silence(2_000))
    assert names(probe.events) == ["SessionReady"]
    assert len(probe.told(SessionReady)[0].session) == 16
    await probe.close()
