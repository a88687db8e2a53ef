"""A caller of a local session in tests: it sends, keeps all events, and waits for the next ones."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from agentvoice.adapters.local_speech.cascade import CascadeSession
from agentvoice.config import LocalEngineSettings
from agentvoice.core.agent import AgentProfile, LocalSettings
from agentvoice.core.engine import HandoverTarget, SessionConfig
from agentvoice.core.speech import (
    AppendAudio,
    AudioDelta,
    ItemTextDelta,
    SpeechCommand,
    SpeechEvent,
)
from tests.fakes.clock import ManualClock
from tests.fakes.stages import ScriptedLlm, ScriptedModels, ScriptedStt, silence, speech

E = TypeVar("E")

PATIENCE_S = 10.0
SETTLE_ROUNDS = 200

MAX = HandoverTarget("max", "Max")
ADA = HandoverTarget("ada", "Ada")


def config(slug: str = "ada", targets: tuple[HandoverTarget, ...] = (MAX,), **local: object) -> SessionConfig:
    """The configuration of a session that is the agent `slug`."""
    agent = AgentProfile(slug, slug.title(), local=LocalSettings(voice=f"voice of {slug}", **local))  # type: ignore[arg-type]  # test settings
    return SessionConfig(agent, f"You are {slug.title()}.", targets)


class SessionProbe:
    """Holds a session and what it told."""

    def __init__(self, models: ScriptedModels, session_config: SessionConfig | None = None) -> None:
        self.models = models
        self.events: list[SpeechEvent] = []
        self.session = CascadeSession(
            session_config or config(),
            models.stages_for,
            models.detector,
            LocalEngineSettings(),
            ManualClock(),
        )
        self._changed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.session.events():
            self.events.append(event)
            self._changed.set()

    def send(self, command: SpeechCommand) -> None:
        """Send a command."""
        self.session.send(command)

    async def say(self, speech_ms: int = 500, silence_ms: int = 500) -> None:
        """Speak and fall silent."""
        self.send(AppendAudio(speech(speech_ms)))
        self.send(AppendAudio(silence(silence_ms)))
        await self.settle()

    async def hear(self, *chunks: object) -> None:
        """Send pieces of sound and let them be heard."""
        for chunk in chunks:
            self.send(AppendAudio(chunk))  # type: ignore[arg-type]  # chunks of the fakes
        await self.settle()

    def told(self, kind: type[E]) -> list[E]:
        """All events of a kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    async def wait_for(self, kind: type[E], count: int = 1) -> E:
        """Wait for the `count`-th event of a kind."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.told(kind)) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.told(kind)[count - 1]

    async def settle(self) -> None:
        """Let every task run to its next wait."""
        for _ in range(SETTLE_ROUNDS):
            await asyncio.sleep(0)

    @property
    def text(self) -> str:
        """All text that was spoken."""
        return "".join(event.text for event in self.told(ItemTextDelta))

    @property
    def sound_ms(self) -> int:
        """Sound that was told."""
        return sum(event.chunk.duration_ms for event in self.told(AudioDelta))

    async def close(self) -> None:
        """Close and wait for the end of the events."""
        await self.session.close()
        async with asyncio.timeout(PATIENCE_S):
            await self._reader


def probe_of(*replies: list, heard: tuple = ("Hello there.",), **local: object) -> SessionProbe:
    """A session whose model plays `replies` and whose transcripts are `heard`, one after the other."""
    models = ScriptedModels(ScriptedStt(*heard), ScriptedLlm(*(replies or (["Fine. ", "And you?"],))))
    return SessionProbe(models, config(**local))  # type: ignore[arg-type]  # settings by name


def names(events: list[SpeechEvent]) -> list[str]:
    """Kinds of events in order, sound in a row once."""
    kinds: list[str] = []
    for event in events:
        kind = type(event).__name__
        if kind != "AudioDelta" or not kinds or kinds[-1] != kind:
            kinds.append(kind)
    return kinds
