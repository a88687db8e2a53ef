"""A Realtime server that follows a script over a real socket.

A script is a coroutine that talks to one client: `await link.expect("session.update")`,
`await link.emit({...})`. Every frame of the client must pass the oracle; what is emitted by
`emit` must pass it too, so that the script does not invent a provider. `emit_raw` sends junk.
A script that fails, fails the test when the server is closed.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from ssl import SSLContext
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.fakes.realtime_oracle import check_client_frame, check_server_frame

EXPECT_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 0.5


class Link:
    """The server's end of one connection. `received` is every event the client sent."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.received: list[dict[str, Any]] = []
        self.closed = asyncio.Event()
        self._unread: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._count = 0

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the client's handshake, names in lower case."""
        request = self.connection.request
        assert request is not None
        return {name.lower(): value for name, value in request.headers.raw_items()}

    @property
    def path(self) -> str:
        """The path and query that the client asked for."""
        assert self.connection.request is not None
        return self.connection.request.path

    async def read_all(self) -> None:
        """Take in and judge the client's frames until it goes."""
        try:
            async for text in self.connection:
                check_client_frame(text)
                event = json.loads(text)
                self.received.append(event)
                self._unread.put_nowait(event)
        except ConnectionClosed:
            pass
        finally:
            self.closed.set()

    @property
    def input_buffer(self) -> bytes:
        """The caller's sound as the provider has it: what was appended since the last clear or commit."""
        sound = b""
        for event in self.received:
            if event["type"] == "input_audio_buffer.append":
                sound += base64.b64decode(event["audio"], validate=True)
            elif event["type"] in ("input_audio_buffer.clear", "input_audio_buffer.commit"):
                sound = b""
        return sound

    async def expect_any(self) -> dict[str, Any]:
        """Return the client's next event."""
        async with asyncio.timeout(EXPECT_TIMEOUT_S):
            return await self._unread.get()

    async def expect(self, name: str) -> dict[str, Any]:
        """Return the client's next event, which must be of this type."""
        event = await self.expect_any()
        assert event["type"] == name, f"got {event['type']}, want {name}"
        return event

    @property
    def has_unread(self) -> bool:
        """Whether the client sent more than the script expected so far."""
        return not self._unread.empty()

    async def emit(self, event: dict[str, Any]) -> None:
        """Send a valid server event; the event id is added."""
        self._count += 1
        text = json.dumps({"event_id": f"event_{self._count}", **event})
        check_server_frame(text)
        await self.connection.send(text)

    async def emit_raw(self, text: str | bytes) -> None:
        """Send anything."""
        await self.connection.send(text)

    async def open_session(self, session: str = "sess_1") -> dict[str, Any]:
        """Do what every session begins with; returns the client's session object.

        The vendor's own type of session.created lacks the id that its servers send: sent raw.
        """
        created = {"type": "realtime", "id": session, "object": "realtime.session"}
        await self.emit_raw(json.dumps({"type": "session.created", "event_id": "e0", "session": created}))
        update = await self.expect("session.update")
        wanted: dict[str, Any] = update["session"]
        await self.emit({"type": "session.updated", "session": wanted})
        return wanted


Script = Callable[[Link], Awaitable[None]]


class ScriptedServer:
    """Listens on a free loopback port and plays the script with each client."""

    def __init__(
        self,
        script: Script,
        *,
        status: int = 101,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        ssl: SSLContext | None = None,
    ) -> None:
        self.links: list[Link] = []
        self.status = status
        """Of the handshakes to come; 101 takes the client in."""
        self.body = body
        self.refused = 0
        """Handshakes that were refused."""
        self._script = script
        self._headers = headers or {}
        self._ssl = ssl
        self._failures: list[BaseException] = []
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where a client connects to."""
        assert self._server is not None
        port = next(iter(self._server.sockets)).getsockname()[1]
        return f"{'wss' if self._ssl else 'ws'}://127.0.0.1:{port}/v1/realtime"

    async def __aenter__(self) -> ScriptedServer:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._answer,
            compression=None,
            ping_interval=None,
            close_timeout=CLOSE_TIMEOUT_S,
            ssl=self._ssl,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        if kind is None and self._failures:
            raise self._failures[0]

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.status == 101:
            return None
        self.refused += 1
        answer = connection.respond(self.status, "")
        answer.body = self.body
        del answer.headers["Content-Length"]
        answer.headers["Content-Length"] = str(len(self.body))
        answer.headers.update(self._headers)
        return answer

    async def _serve(self, connection: ServerConnection) -> None:
        link = Link(connection)
        self.links.append(link)
        reader = asyncio.create_task(link.read_all())
        try:
            await self._script(link)
            await link.closed.wait()
        except ConnectionClosed:
            pass
        except Exception as error:
            self._failures.append(error)
            await connection.close(1011)
        outcome = (await asyncio.gather(reader, return_exceptions=True))[0]
        if isinstance(outcome, Exception):
            self._failures.append(outcome)
