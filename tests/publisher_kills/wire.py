"""What goes over the wire between the publisher and a real relay: seen, and held back at will."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class Step(Enum):
    """How far an event has come on its way to the relay and back."""

    ASKED = "the publisher sent it, the relay did not get it"
    SENT = "the relay got it"
    STORED = "the relay said OK, the publisher did not get that"
    ANSWERED = "the publisher got the OK"


Notice = Callable[[Step, int], bool]
"""Told how many events have come to a step in this life; say whether the next step may be taken."""


def let_pass(step: Step, count: int) -> bool:
    """Hold nothing back."""
    return True


@dataclass
class Life:
    """What the wire saw of one publisher: its last step, and how many events came to each."""

    notice: Notice = let_pass
    counts: Counter[Step] = field(default_factory=Counter)
    last: tuple[Step, str] | None = None

    def note(self, step: Step, event_id: str) -> bool:
        self.counts[step] += 1
        if step is not Step.STORED:  # the relay's doing, not the publisher's
            self.last = (step, event_id)
        return self.notice(step, self.counts[step])


@dataclass
class Wire:
    """A relay's address for the publisher, and the whole story of what passed."""

    relay: str
    address: str = ""
    life: Life = field(default_factory=Life)
    sends: Counter[str] = field(default_factory=Counter)
    """How often the publisher sent each event, whether or not it was passed on."""
    stored: set[str] = field(default_factory=set)
    too_early: list[str] = field(default_factory=list)
    """Replies that were sent before the relay had their root."""
    complaints: list[str] = field(default_factory=list)
    """Whatever a relay said that was no OK true."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Wire]:
        """Listen until the end of the block."""
        async with serve(self._carry, "127.0.0.1", 0, compression=None) as server:
            host, port = next(iter(server.sockets)).getsockname()[:2]
            self.address = f"ws://{host}:{port}"
            yield self

    async def _carry(self, publisher: ServerConnection) -> None:
        life = self.life
        async with connect(self.relay, compression=None) as relay:
            try:
                async with asyncio.TaskGroup() as group:
                    answers = group.create_task(self._carry_back(life, relay, publisher))
                    async for text in publisher:
                        await self._carry_out(life, str(text), relay)
                    answers.cancel()
            except* ConnectionClosed:  # the publisher is dead
                pass

    async def _carry_out(self, life: Life, text: str, relay: ClientConnection) -> None:
        frame = json.loads(text)
        if frame[0] == "EVENT":
            event = frame[1]
            self.sends[event["id"]] += 1
            root = next((tag[1] for tag in event["tags"] if tag[0] == "e"), None)
            if root is not None and root not in self.stored:
                self.too_early.append(event["id"])
            if not life.note(Step.ASKED, event["id"]):
                return
            await relay.send(text)
            life.note(Step.SENT, event["id"])
        else:
            await relay.send(text)

    async def _carry_back(self, life: Life, relay: ClientConnection, publisher: ServerConnection) -> None:
        async for text in relay:
            frame = json.loads(text)
            if frame[0] != "OK" or frame[2] is not True:
                self.complaints.append(str(text))
                await publisher.send(text)
                continue
            self.stored.add(frame[1])
            if life.note(Step.STORED, frame[1]):
                with suppress(ConnectionClosed):
                    await publisher.send(text)
                    life.note(Step.ANSWERED, frame[1])
