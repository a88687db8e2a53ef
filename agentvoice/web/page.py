"""The call page: `/` and the files under `/static/`, as they lie in the package."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"
FILES = frozenset(str(path.relative_to(STATIC)) for path in STATIC.rglob("*") if path.is_file())
"""What there is. No name that a stranger sends is tried on the file system."""


async def index(request: web.Request) -> web.FileResponse:
    """Answer with the page itself."""
    return web.FileResponse(STATIC / "index.html")


async def static_file(request: web.Request) -> web.FileResponse:
    """Answer with one of its files."""
    name = request.match_info["name"]
    if name not in FILES:
        raise web.HTTPNotFound
    return web.FileResponse(STATIC / name)


ROUTES = [web.get("/", index), web.get("/static/{name:.*}", static_file)]
