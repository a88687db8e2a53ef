"""The stages of the local engine, from one worker process that all calls share.

The daemon's process stays light: the native packages are imported in the worker only (but the
small VAD). When the worker dies, its requests end with WorkerDied and it is started again at once.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import structlog

from agentvoice.adapters.local_speech.http_stages import HttpStages
from agentvoice.adapters.local_speech.model_store import ModelStore
from agentvoice.adapters.local_speech.stages import (
    ChatMessage,
    LanguageModel,
    SpeechToText,
    Stages,
    TextToSpeech,
)
from agentvoice.adapters.local_speech.vad import VoiceActivity
from agentvoice.adapters.local_speech.voices import find_voice
from agentvoice.adapters.local_speech.worker_process import WorkerProcess, start_worker
from agentvoice.config import LocalEngineSettings
from agentvoice.core.agent import LocalSettings, StageSettings
from agentvoice.core.ports import Clock
from agentvoice.errors import AgentVoiceError, EngineUnavailable, WorkerDied
from agentvoice.protocols.worker import Load, Reply, Request, Sound, Speak, Text, Transcribe

log = structlog.get_logger(__name__)


class LocalSpeech:
    """All that the local engine's sessions need of models: detectors, and stages for an agent."""

    def __init__(self, settings: LocalEngineSettings, home: Path, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._store = ModelStore(home / "models")
        self._http = HttpStages(settings.http_timeout_s, clock)
        self._worker: WorkerProcess | None = None
        self._starting: asyncio.Task[WorkerProcess] | None = None
        self._socket_dir = ""
        self._is_closed = False

    async def start(self) -> None:
        """Load the models now, so that the first call need not wait; without them, do nothing.

        Raises EngineUnavailable when they do not load, TimedOut.
        """
        if not self.missing():
            await self._running_worker()

    def missing(self, local: LocalSettings | None = None) -> list[str]:
        """Return what the agent's stages need and is not installed, one sentence with its remedy each."""
        local = local or LocalSettings()
        found: list[str] = []
        for stage, default in (
            (local.stt, self._settings.stt),
            (local.llm, self._settings.llm),
            (local.tts, self._settings.tts),
        ):
            if not stage.url:
                problem = self._store.problem(stage.model or default)
                if problem and problem not in found:
                    found.append(problem)
        return found

    def stages_for(self, local: LocalSettings) -> Stages:
        """Return the agent's stages: each the worker's, or an endpoint where `url` is set.

        Raises EngineUnavailable when something is missing, UsageError for an unknown voice and
        ConfigError for a key that is not there.
        """
        problems = self.missing(local)
        if problems:
            raise EngineUnavailable("; ".join(problems))
        if not local.tts.url:
            find_voice(local.voice)
        return Stages(stt=self._stt(local.stt), llm=self._llm(local.llm), tts=self._tts(local.tts))

    def _stt(self, stage: StageSettings) -> SpeechToText:
        return self._http.stt(stage) if stage.url else WorkerSpeechToText(self, self._settings.stt_timeout_s)

    def _llm(self, stage: StageSettings) -> LanguageModel:
        if stage.url:
            return self._http.llm(stage)
        gguf = self._store.path(stage.model or self._settings.llm)
        return WorkerLanguageModel(self, str(gguf), self._settings.llm_timeout_s)

    def _tts(self, stage: StageSettings) -> TextToSpeech:
        return self._http.tts(stage) if stage.url else WorkerTextToSpeech(self, self._settings.tts_timeout_s)

    async def voice_activity(self) -> VoiceActivity:
        """Return a new session's detector, loaded outside the loop; raises EngineUnavailable."""
        return await asyncio.to_thread(VoiceActivity)

    async def ask(
        self, make_request: Callable[[int], Request], timeout_s: float
    ) -> AsyncGenerator[Text | Sound, None]:
        """Ask the worker, starting it when there is none; see WorkerProcess.ask."""
        worker = await self._running_worker()
        async with aclosing(worker.ask(make_request, timeout_s, self._clock)) as pieces:
            async for piece in pieces:
                yield piece

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, None when there is none."""
        return self._worker.pid if self._worker is not None and self._worker.is_alive else None

    async def _running_worker(self) -> WorkerProcess:
        if self._is_closed:
            raise EngineUnavailable("the local engine is closed")
        if self._worker is not None and self._worker.is_alive:
            return self._worker
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start_worker())
        return await asyncio.shield(self._starting)  # one caller's hanging up must not stop the others' start

    async def _start_worker(self) -> WorkerProcess:
        self._remove_socket_dir()
        self._socket_dir = tempfile.mkdtemp(prefix="agentvoice-")
        gguf = self._store.path(self._settings.llm)
        began_s = self._clock.monotonic_s()
        worker = await start_worker(self._after_death)
        try:
            async with self._clock.deadline(self._settings.worker_start_timeout_s):
                await worker.load(
                    Load(
                        llm=str(gguf) if gguf.exists() else "",
                        threads=self._settings.threads or max(1, (os.cpu_count() or 1) - 1),
                        socket_dir=self._socket_dir,
                    )
                )
        except BaseException:
            worker.kill()
            await worker.close(self._clock)
            raise
        self._worker = worker
        log.info("speech worker ready", pid=worker.pid, load_s=round(self._clock.monotonic_s() - began_s, 2))
        return worker

    def _after_death(self, died: WorkerDied) -> None:
        """A worker that was ready is started again at once; one that never was, at the next request."""
        if self._is_closed or self._worker is None or self._worker.is_alive:
            return
        log.error("speech worker died", reason=str(died))
        self._worker = None
        self._starting = asyncio.create_task(self._start_worker())
        self._starting.add_done_callback(_note_failed_start)

    async def close(self) -> None:
        """End the worker and the connections; may be called twice."""
        self._is_closed = True
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])
        if self._worker is not None:
            await self._worker.close(self._clock)
            self._worker = None
        await self._http.close()
        self._remove_socket_dir()

    def _remove_socket_dir(self) -> None:
        if self._socket_dir:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
            self._socket_dir = ""


def _note_failed_start(start: asyncio.Task[WorkerProcess]) -> None:
    if not start.cancelled() and isinstance(start.exception(), AgentVoiceError):
        log.error("speech worker not restarted", reason=str(start.exception()))


class WorkerSpeechToText:
    """STT by the worker's model."""

    def __init__(self, speech: LocalSpeech, timeout_s: float) -> None:
        self._speech = speech
        self._timeout_s = timeout_s

    async def transcribe(self, pcm16_16k: bytes) -> str:
        """See SpeechToText."""
        text = ""
        request = lambda request_id: Transcribe(request_id, pcm16_16k)  # noqa: E731 - one expression
        async with aclosing(self._speech.ask(request, self._timeout_s)) as pieces:
            async for piece in pieces:
                text += piece.text if isinstance(piece, Text) else ""
        return text


class WorkerLanguageModel:
    """An LLM in the worker: the GGUF file `gguf`."""

    def __init__(self, speech: LocalSpeech, gguf: str, timeout_s: float) -> None:
        self._speech = speech
        self._gguf = gguf
        self._timeout_s = timeout_s

    async def reply(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, temperature: float
    ) -> AsyncGenerator[str, None]:
        """See LanguageModel. `max_tokens` 0 only reads the messages into the prefix cache."""
        pairs = [(message.role, message.content) for message in messages]

        def request(request_id: int) -> Reply:
            return Reply(request_id, self._gguf, pairs, max_tokens, temperature)

        async with aclosing(self._speech.ask(request, self._timeout_s)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Text):
                    yield piece.text


class WorkerTextToSpeech:
    """TTS by the worker's model."""

    def __init__(self, speech: LocalSpeech, timeout_s: float) -> None:
        self._speech = speech
        self._timeout_s = timeout_s

    async def speak(self, text: str, voice: str) -> AsyncGenerator[bytes, None]:
        """See TextToSpeech."""

        def request(request_id: int) -> Speak:
            return Speak(request_id, text, voice)

        async with aclosing(self._speech.ask(request, self._timeout_s)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Sound):
                    yield piece.pcm16_24k
