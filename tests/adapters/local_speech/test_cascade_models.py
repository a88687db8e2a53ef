"""The local session on the real models: sound in, sound out. Runs in the loop of the shared worker."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from agentvoice.adapters.local_speech.cascade import CascadeSession
from agentvoice.adapters.local_speech.engine import LocalEngine
from agentvoice.adapters.local_speech.stages import STT_RATE_HZ
from agentvoice.adapters.local_speech.worker_client import LocalSpeech
from agentvoice.adapters.resample import StreamResampler
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import LocalEngineSettings
from agentvoice.core.agent import AgentProfile, LocalSettings
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.engine import HandoverTarget, SessionConfig
from agentvoice.core.item import ItemKind, Role
from agentvoice.core.speech import (
    AppendAudio,
    AudioDelta,
    ItemAdded,
    ItemDone,
    ItemTextDelta,
    Respond,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SessionError,
    SpeechEvent,
    ToolCallRequested,
)
from tests.fakes.human_speech import telephone_prompts

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_S = 60.0
CONFIG = SessionConfig(
    AgentProfile("ada", "Ada", local=LocalSettings(voice="hibari-low")),
    "You are Ada, a friendly librarian on the phone. Answer in one short sentence.",
    (HandoverTarget("max", "Max"),),
)


@pytest_asyncio.fixture(loop_scope="session")
async def session(speech: LocalSpeech) -> AsyncIterator[CascadeSession]:
    engine = LocalEngine(speech, LocalEngineSettings(), SystemClock())
    opened = await engine.open(CONFIG)
    yield opened
    await opened.close()


async def synthesised(speech: LocalSpeech, text: str) -> bytes:
    """A synthetic caller's sentence, with silence around it (24 kHz PCM16)."""
    voice = speech.stages_for(LocalSettings()).tts.speak(text, "hibari-high")
    sound = b"".join([piece async for piece in voice])
    return CALL_FORMAT.bytes_of(500) * b"\0" + sound + CALL_FORMAT.bytes_of(1_000) * b"\0"


def say(session: CascadeSession, sound: bytes) -> None:
    session.send(AppendAudio(AudioChunk(CALL_FORMAT, sound)))


async def told_until(session: CascadeSession, kind: type[SpeechEvent]) -> list[SpeechEvent]:
    """All events up to the first of `kind`, which must come in time."""
    events: list[SpeechEvent] = []
    async with asyncio.timeout(PATIENCE_S):
        async for event in session.events():
            events.append(event)
            if isinstance(event, kind):
                return events
    raise AssertionError(f"the session ended without {kind.__name__}: {events}")


def loudness(events: list[SpeechEvent]) -> float:
    sound = b"".join(event.chunk.samples for event in events if isinstance(event, AudioDelta))
    return float(np.sqrt(np.mean(np.frombuffer(sound, "<i2").astype(float) ** 2)))


async def test_a_spoken_question_is_answered_aloud(speech: LocalSpeech, session: CascadeSession):
    """Sound goes in; the transcript, an answer in words and its sound come out."""
    say(session, await synthesised(speech, "What is a good book about the sea?"))
    events = await told_until(session, ResponseEnded)
    ended = events[-1]
    assert isinstance(ended, ResponseEnded) and ended.status is ResponseStatus.COMPLETED
    written = next(event.text for event in events if isinstance(event, ItemDone) and event.text)
    assert "book about the sea" in written.lower()
    assert len("".join(event.text for event in events if isinstance(event, ItemTextDelta))) > 5
    assert loudness(events) > 300


async def test_a_person_is_understood(session: CascadeSession):
    """A human recording becomes a turn whose words are mostly the recording's."""
    prompt = telephone_prompts(3)[1]
    up = StreamResampler(STT_RATE_HZ, CALL_FORMAT.rate_hz)
    say(session, bytes(24_000) + up.push(prompt.pcm16_16k) + up.flush() + bytes(48_000))
    events = await told_until(session, ResponseStarted)
    written = " ".join(event.text for event in events if isinstance(event, ItemDone) and event.text)
    wanted = {word.strip(".,?!").lower() for word in prompt.text.split()}
    heard = {word.strip(".,?!").lower() for word in written.split()}
    assert len(wanted & heard) >= 0.7 * len(wanted), (prompt.text, written)


async def test_a_spoken_order_hands_over(speech: LocalSpeech, session: CascadeSession):
    """Heard by the real models, the order is a tool call, and the model is not asked."""
    say(session, await synthesised(speech, "Please hand me over to Max."))
    events = await told_until(session, ToolCallRequested)
    call = events[-1]
    assert isinstance(call, ToolCallRequested) and call.name == "transfer_to_max"
    assert not any(isinstance(event, ResponseStarted) for event in events)


async def test_a_spoken_goodbye_ends_the_call(speech: LocalSpeech, session: CascadeSession):
    """The agent says goodbye aloud first."""
    say(session, await synthesised(speech, "Thank you very much. Goodbye!"))
    events = await told_until(session, ToolCallRequested)
    call = events[-1]
    assert isinstance(call, ToolCallRequested) and call.name == "end_call"
    assert loudness(events) > 300
    kinds = [event.kind for event in events if isinstance(event, ItemAdded) and event.role is Role.AGENT]
    assert kinds == [ItemKind.MESSAGE, ItemKind.TOOL_CALL]


async def test_a_killed_worker_costs_one_more_try(speech: LocalSpeech, session: CascadeSession):
    """The worker dies while it thinks: the caller is told, and still gets the answer."""
    session.send(Respond())
    await told_until(session, ResponseEnded)  # from here on the model has nothing to read ahead
    session.send(Respond())
    await told_until(session, ResponseStarted)
    pid = speech.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    events = await told_until(session, ResponseEnded)
    errors = [event for event in events if isinstance(event, SessionError)]
    assert [(error.code, error.retryable) for error in errors] == [("worker_died", True)]
    ended = events[-1]
    assert isinstance(ended, ResponseEnded) and ended.status is ResponseStatus.COMPLETED
    assert speech.worker_pid not in (None, pid)
