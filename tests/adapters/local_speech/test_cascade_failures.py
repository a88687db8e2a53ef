"""When stages fail or the session is closed: what is told, and what is not."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.core.audio import AudioChunk, AudioFormat
from agentvoice.core.speech import (
    AppendAudio,
    AudioDelta,
    CommitInput,
    Configure,
    ItemDone,
    ItemFailed,
    Respond,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SessionError,
    SessionLost,
    TurnCommitted,
)
from agentvoice.errors import EngineUnavailable, QuotaExceeded, WorkerDied
from tests.fakes.session_probe import config, probe_of
from tests.fakes.stages import silence, speech


async def test_nothing_after_close():
    """Close ends the events at once; later commands and running work tell nothing; twice is once."""
    probe = probe_of(["One. T", asyncio.Event()])
    await probe.say()
    await probe.wait_for(AudioDelta)
    await probe.close()
    told = len(probe.events)
    probe.send(AppendAudio(speech(500)))
    probe.send(Respond("Hello?"))
    probe.send(CommitInput())
    await probe.session.close()
    await probe.settle()
    assert len(probe.events) == told
    assert probe.models.llm.active == probe.models.tts.active == 0


async def test_another_sound_format_is_refused():
    """Only the call's format is heard; anything else is named in an error."""
    probe = probe_of()
    probe.send(AppendAudio(AudioChunk(AudioFormat.MULAW_8K, b"\x00" * 160)))
    error = await probe.wait_for(SessionError)
    assert "MULAW_8K" in error.message and error.command == "append_audio"
    await probe.close()


async def test_a_failing_detector_loses_the_session():
    """Without hearing there is no session: it is lost, and a new one may be opened."""
    probe = probe_of()
    probe.models.detector.failure = RuntimeError("bad model")
    await probe.hear(speech(100))
    lost = await probe.wait_for(SessionLost)
    assert lost.retryable and "bad model" in lost.reason
    await probe.close()


async def test_worker_death_is_told_and_the_turn_retried_once():
    """A death before the reply was heard costs one more try each in STT and LLM, and no words."""
    died = WorkerDied("the worker stopped")
    probe = probe_of([died], ["Fine."], heard=(died, "Hello there."))
    await probe.say()
    await probe.wait_for(ResponseEnded)
    assert [(error.code, error.retryable) for error in probe.told(SessionError)] == [
        ("worker_died", True)
    ] * 2
    assert probe.text == "Fine."
    assert probe.told(ResponseEnded)[0].status is ResponseStatus.COMPLETED
    await probe.close()


async def test_a_failed_transcript_fails_its_item_only():
    """Two deaths in a row: the item fails, an error is told, nothing is invented, the session lives."""
    died = WorkerDied("the worker stopped")
    probe = probe_of(heard=(died, died, "Again."))
    await probe.say()
    failed = await probe.wait_for(ItemFailed)
    assert failed.ref == probe.told(TurnCommitted)[0].ref
    assert len(probe.told(SessionError)) == 2
    assert probe.told(ResponseStarted) == []
    await probe.hear(silence(2_000))
    await probe.say()
    await probe.wait_for(ResponseEnded)
    await probe.close()


@pytest.mark.parametrize(
    ("script", "status", "text"),
    [
        (["   ", "**"], ResponseStatus.FAILED, ""),
        ([], ResponseStatus.FAILED, ""),
        ([QuotaExceeded("no money")], ResponseStatus.FAILED, ""),
        ([ValueError("a bug")], ResponseStatus.FAILED, ""),
        (["One is one. Two", WorkerDied("stopped")], ResponseStatus.INCOMPLETE, "One is one."),
    ],
)
async def test_a_reply_that_fails_invents_nothing(script: list, status: ResponseStatus, text: str):
    """Nothing to say, or a failing model: the response ends as failed, an error is told, once."""
    probe = probe_of(script)
    await probe.say()
    ended = await probe.wait_for(ResponseEnded)
    assert (ended.status, probe.text) == (status, text)
    assert len(probe.told(SessionError)) == 1
    assert len(probe.told(ItemDone)) == 1 + bool(text)
    await probe.close()


async def test_configure_with_missing_models_keeps_speaking():
    """What the new agent lacks is told; the session stays with the stages it had."""
    probe = probe_of()
    probe.models.failure = EngineUnavailable("model x is not installed")
    probe.send(Configure(config("max", ())))
    error = await probe.wait_for(SessionError)
    assert (error.command, error.retryable) == ("configure", False)
    probe.send(Respond("Still here."))
    assert (await probe.wait_for(ResponseEnded)).status is ResponseStatus.COMPLETED
    await probe.close()
