"""`/healthz`: the process lives. `/readyz`: it can take calls, or says what is missing.

Who asks from elsewhere is told whether all is well and no more. The database is not asked who that is:
it may be what is missing.
"""

from __future__ import annotations

from aiohttp import web

from agentvoice import __version__
from agentvoice.protocols import admin
from agentvoice.web.keys import CALLS, READINESS
from agentvoice.web.visitors import VISITOR

UNAVAILABLE = 503
NOT_READY = "not ready"


async def healthz(request: web.Request) -> web.Response:
    """Answer 200 as long as the loop turns."""
    return _answer(request, "ok", 200)


async def readyz(request: web.Request) -> web.Response:
    """Answer 200 when calls can be taken, 503 with the reason otherwise."""
    missing = request.app[READINESS]()
    return _answer(request, missing or "ok", UNAVAILABLE if missing else 200)


def _answer(request: web.Request, status: str, code: int) -> web.Response:
    visitor = request.get(VISITOR)  # none on the control socket: that is the owner
    if visitor is not None and not visitor.is_local:
        answer: object = admin.Condition(status if code < UNAVAILABLE else NOT_READY)
    else:
        live = len(request.app[CALLS].live_calls)
        answer = admin.Health(status=status, version=__version__, live_calls=live)
    return web.json_response(body=admin.encode(answer), status=code)


ROUTES = [web.get("/healthz", healthz), web.get("/readyz", readyz)]
