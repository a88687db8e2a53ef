"""A scripted speech engine: tests say what the session tells, and read what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.engine import BillsBy, EngineCapabilities, SessionConfig
from agentvoice.core.item import ItemKind, Role
from agentvoice.core.speech import (
    AudioDelta,
    ItemAdded,
    ItemDone,
    ItemTextDelta,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SpeechCommand,
    SpeechEvent,
    TurnCommitted,
)

FREE = EngineCapabilities(
    voice_fixed_after_audio=False,
    model_fixed=False,
    instructions_mutable=True,
    server_turn_taking=True,
    tools=True,
    bills_by=BillsBy.NOTHING,
    aligned_transcript=True,
)
"""Everything can be changed, as in the local engine."""

FIXED = EngineCapabilities(
    voice_fixed_after_audio=True,
    model_fixed=True,
    instructions_mutable=True,
    server_turn_taking=True,
    tools=True,
    bills_by=BillsBy.TOKENS,
    aligned_transcript=False,
)
"""Voice and model stay, as in the OpenAI engine."""

C = TypeVar("C")


def sound(ms: int) -> AudioChunk:
    """`ms` of silence in the call's format."""
    return AudioChunk(CALL_FORMAT, bytes(CALL_FORMAT.bytes_of(ms)))


class FakeSession:
    """A session; `told` is what it was sent, `emit` is what it says."""

    def __init__(self, config: SessionConfig, capabilities: EngineCapabilities) -> None:
        self.config = config
        self.told: list[SpeechCommand] = []
        self.is_closed = False
        self._capabilities = capabilities
        self._events: asyncio.Queue[SpeechEvent | None] = asyncio.Queue()

    @property
    def capabilities(self) -> EngineCapabilities:
        return self._capabilities

    def send(self, command: SpeechCommand) -> None:
        if not self.is_closed:
            self.told.append(command)

    def told_of(self, kind: type[C]) -> list[C]:
        """The commands of one kind, in order."""
        return [command for command in self.told if isinstance(command, kind)]

    def emit(self, *events: SpeechEvent) -> None:
        """Say these events."""
        for event in events:
            self._events.put_nowait(event)

    def emit_turn(self, ref: str, text: str) -> None:
        """The caller spoke a turn."""
        self.emit(TurnCommitted(ref), ItemDone(ref, text))

    def emit_reply(self, response: str, text: str, ms: int, *, ref: str = "", end: bool = True) -> None:
        """The agent answers `text` with `ms` of sound."""
        item = ref or f"item-of-{response}"
        self.emit(
            ResponseStarted(response),
            ItemAdded(item, ItemKind.MESSAGE, Role.AGENT, response),
            ItemTextDelta(item, text),
            AudioDelta(item, 0, sound(ms), response),
        )
        if end:
            self.emit(ItemDone(item), ResponseEnded(response, ResponseStatus.COMPLETED))

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._events.put_nowait(None)


class FakeEngine:
    """Opens scripted sessions; `refuse` makes it raise instead."""

    def __init__(self, name: str = "local", capabilities: EngineCapabilities = FREE) -> None:
        self._name = name
        self._capabilities = capabilities
        self.sessions: list[FakeSession] = []
        self.refuse: Callable[[], Exception | None] = lambda: None

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> EngineCapabilities:
        return self._capabilities

    @property
    def session(self) -> FakeSession:
        """The session opened last."""
        return self.sessions[-1]

    async def open(self, config: SessionConfig) -> FakeSession:
        error = self.refuse()
        if error is not None:
            raise error
        self.sessions.append(FakeSession(config, self._capabilities))
        return self.sessions[-1]

    async def check(self) -> None:
        """Refused as `open` would be."""
        error = self.refuse()
        if error is not None:
            raise error

    async def close(self) -> None:
        """Nothing to release."""
