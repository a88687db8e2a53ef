"""`/metrics`: the daemon's numbers, for Prometheus and what reads its text format.

They say how much is called, which is nobody's business but an admin's, unless the operator says otherwise.
"""

from __future__ import annotations

from aiohttp import web

from agentvoice.web.clients import Scope, require
from agentvoice.web.keys import EXPOSITION


async def metrics(request: web.Request) -> web.Response:
    """Answer an admin with every series."""
    require(request, Scope.ADMIN)
    return await open_metrics(request)


async def open_metrics(request: web.Request) -> web.Response:
    """Answer anybody with every series."""
    body, content_type = request.app[EXPOSITION]()
    return web.Response(body=body, headers={"Content-Type": content_type})


def routes(*, is_open: bool) -> list[web.RouteDef]:
    """Return the route, for anybody if it `is_open`."""
    return [web.get("/metrics", open_metrics if is_open else metrics)]
