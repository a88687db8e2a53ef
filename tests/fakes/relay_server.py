"""A scripted relay over a real socket: it answers each event as told, or not at all."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Answer = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]


@dataclass
class RelayServer:
    """`on_event` answers EVENT; `on_request` answers REQ. `events` and `frames` are what came."""

    address: str = ""
    on_event: Answer | None = None
    on_auth: Answer | None = None
    on_request: Callable[[ServerConnection, list[Any]], Awaitable[None]] | None = None
    on_connect: Callable[[ServerConnection], Awaitable[None]] | None = None
    document: str = ""
    """What it says of itself over http (NIP-11); empty: it does not."""
    frames: list[list[Any]] = field(default_factory=list)
    connections: int = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that were sent, repeats included."""
        return [frame[1] for frame in self.frames if frame[0] == "EVENT"]

    async def _serve(self, socket: ServerConnection) -> None:
        self.connections += 1
        try:
            if self.on_connect:
                await self.on_connect(socket)
            async for message in socket:
                frame = json.loads(message)
                self.frames.append(frame)
                match frame[0]:
                    case "EVENT" if self.on_event:
                        await self.on_event(socket, frame[1])
                    case "AUTH" if self.on_auth:
                        await self.on_auth(socket, frame[1])
                    case "REQ" if self.on_request:
                        await self.on_request(socket, frame)
        except ConnectionClosed:
            pass

    def _tell(self, socket: ServerConnection, request: Request) -> Response | None:
        if not self.document or request.headers.get("Upgrade"):
            return None
        return socket.respond(200, self.document)


async def accept(socket: ServerConnection, event: dict[str, Any]) -> None:
    """Answer OK true, as most relays do."""
    await socket.send(json.dumps(["OK", event["id"], True, ""]))


def refuse(message: str) -> Answer:
    """Return an answer of OK false with the given words."""

    async def answer(socket: ServerConnection, event: dict[str, Any]) -> None:
        await socket.send(json.dumps(["OK", event["id"], False, message]))

    return answer


def give(server: RelayServer, lost: set[str]) -> Callable[[ServerConnection, list[Any]], Awaitable[None]]:
    """Answer with what was sent to the server and is asked for by id, but for the lost."""

    async def answer(socket: ServerConnection, frame: list[Any]) -> None:
        for event in {each["id"]: each for each in server.events}.values():
            if event["id"] in frame[2].get("ids", ()) and event["id"] not in lost:
                await socket.send(json.dumps(["EVENT", frame[1], event]))
        await socket.send(json.dumps(["EOSE", frame[1]]))

    return answer


@asynccontextmanager
async def relay_server(on_event: Answer | None = accept, port: int = 0) -> AsyncIterator[RelayServer]:
    """Run a relay on a free loopback port, or the given one, until the block ends."""
    relay = RelayServer(on_event=on_event)
    async with serve(
        relay._serve, "127.0.0.1", port, compression=None, process_request=relay._tell
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        relay.address = f"ws://127.0.0.1:{port}"
        yield relay
