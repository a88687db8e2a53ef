"""A web server that holds one file, and breaks off, forgets ranges or fails as told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class FileServer:
    """`breaks`: sent bytes after which each of the first answers is cut; `statuses` likewise."""

    content: bytes
    breaks: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    knows_ranges: bool = True
    wrong_range: bool = False
    ranges_asked: list[str] = field(default_factory=list)
    sent_bytes: int = 0
    url: str = ""

    async def __aenter__(self) -> FileServer:
        app = web.Application()
        app.router.add_get("/model.gguf", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/model.gguf"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = request.headers.get("Range", "")
        self.ranges_asked.append(asked)
        if self.statuses:
            status = self.statuses.pop(0)
            if status != 200:
                return web.Response(status=status)
        match = re.fullmatch(r"bytes=(\d+)-", asked)
        begin = int(match[1]) if match and self.knows_ranges else 0
        body = self.content[begin:]
        answer = web.StreamResponse(status=206 if begin else 200)
        if begin:
            shown = begin + 7 if self.wrong_range else begin
            answer.headers["Content-Range"] = f"bytes {shown}-{len(self.content) - 1}/{len(self.content)}"
        answer.content_length = len(body)
        await answer.prepare(request)
        cut = self.breaks.pop(0) if self.breaks else len(body)
        await answer.write(body[:cut])
        self.sent_bytes += len(body[:cut])
        if cut < len(body):
            assert request.transport is not None
            request.transport.close()
        return answer
