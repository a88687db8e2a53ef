"""A web server that tools ask: it keeps every request and answers as the test says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: str


@dataclass
class ToolServer:
    """Answers every path with `status`, `text` and `headers`; holds its answer until `go` is set.

    `breaks`: the connection is cut in the middle of the answer.
    """

    status: int = 200
    text: str = '{"degrees": 21}'
    headers: dict[str, str] = field(default_factory=dict)
    repeats_headers: bool = False
    breaks: bool = False
    asked: list[Asked] = field(default_factory=list)
    sent_bytes: int = 0
    url: str = ""

    async def __aenter__(self) -> ToolServer:
        self.go = asyncio.Event()
        self.go.set()
        self.was_asked = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.go.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.method, request.raw_path, headers, await request.text()))
        self.was_asked.set()
        await self.go.wait()
        text = str(headers) if self.repeats_headers else self.text
        answer = web.StreamResponse(status=self.status, headers=self.headers)
        body = text.encode()
        answer.content_length = len(body)
        await answer.prepare(request)
        if self.breaks:
            await answer.write(body[:1])
            assert request.transport is not None
            request.transport.close()
            return answer
        for start in range(0, len(body), 65_536):
            await answer.write(body[start : start + 65_536])
            self.sent_bytes += len(body[start : start + 65_536])
        return answer
