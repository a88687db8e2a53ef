"""The local engine (core.ports.SpeechEngine): speech models on this machine, or HTTP endpoints."""

from __future__ import annotations

from typing import Protocol

from agentvoice.adapters.local_speech.cascade import CAPABILITIES, CascadeSession
from agentvoice.adapters.local_speech.hearing import Detector
from agentvoice.adapters.local_speech.stages import Stages
from agentvoice.config import LocalEngineSettings
from agentvoice.core.agent import ENGINE_LOCAL, LocalSettings
from agentvoice.core.engine import EngineCapabilities, SessionConfig
from agentvoice.core.ports import Clock


class Models(Protocol):
    """Where stages and detectors come from (worker_client.LocalSpeech)."""

    async def start(self) -> None:
        """Load what the worker process needs; raises EngineUnavailable, TimedOut."""
        ...

    def stages_for(self, local: LocalSettings) -> Stages:
        """Return an agent's stages; raises EngineUnavailable when a part is missing."""
        ...

    async def voice_activity(self) -> Detector:
        """Return a new session's detector; raises EngineUnavailable."""
        ...

    async def close(self) -> None:
        """End the worker process and the connections."""
        ...


class LocalEngine:
    """Opens sessions that share one set of models."""

    def __init__(self, models: Models, settings: LocalEngineSettings, clock: Clock) -> None:
        self._models = models
        self._settings = settings
        self._clock = clock

    @property
    def name(self) -> str:
        """`local`."""
        return ENGINE_LOCAL

    @property
    def capabilities(self) -> EngineCapabilities:
        """What its sessions can change while they live."""
        return CAPABILITIES

    async def open(self, config: SessionConfig) -> CascadeSession:
        """Open a session that is this agent; the first one waits for the models to load.

        Raises EngineUnavailable when a part, model or key is missing, TimedOut when loading lasts too long.
        """
        self._models.stages_for(config.agent.local)  # what is missing is said before anything is loaded
        detector = await self._models.voice_activity()
        if _needs_worker(config.agent.local):
            await self._models.start()
        return CascadeSession(config, self._models.stages_for, detector, self._settings, self._clock)

    async def check(self) -> None:
        """Find out whether a default agent's parts are here, without loading them."""
        self._models.stages_for(LocalSettings())

    async def close(self) -> None:
        """End the worker process and the connections; sessions are closed by who opened them."""
        await self._models.close()


def _needs_worker(local: LocalSettings) -> bool:
    return not (local.stt.url and local.llm.url and local.tts.url)
