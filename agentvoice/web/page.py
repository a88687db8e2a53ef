"""The call page: `/` and the files under `/static/`, as they lie in the package."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"


async def index(request: web.Request) -> web.FileResponse:
    """Answer with the page itself."""
    return web.FileResponse(STATIC / "index.html")


ROUTES = [web.get("/", index), web.static("/static", STATIC)]
