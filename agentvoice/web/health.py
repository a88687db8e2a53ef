"""`/healthz`: the process lives. `/readyz`: it can take calls, or says what is missing."""

from __future__ import annotations

from aiohttp import web

from agentvoice import __version__
from agentvoice.protocols import admin
from agentvoice.web.keys import CALLS, READINESS

UNAVAILABLE = 503


async def healthz(request: web.Request) -> web.Response:
    """Answer 200 as long as the loop turns."""
    return _answer(request, "ok", 200)


async def readyz(request: web.Request) -> web.Response:
    """Answer 200 when calls can be taken, 503 with the reason otherwise."""
    missing = request.app[READINESS]()
    return _answer(request, missing or "ok", UNAVAILABLE if missing else 200)


def _answer(request: web.Request, status: str, code: int) -> web.Response:
    live = len(request.app[CALLS].live_calls)
    body = admin.encode(admin.Health(status=status, version=__version__, live_calls=live))
    return web.json_response(body=body, status=code)


ROUTES = [web.get("/healthz", healthz), web.get("/readyz", readyz)]
