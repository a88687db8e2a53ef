"""`/metrics`: the daemon's numbers, for Prometheus and what reads its text format."""

from __future__ import annotations

from aiohttp import web

from agentvoice.web.keys import EXPOSITION


async def metrics(request: web.Request) -> web.Response:
    """Answer with every series."""
    body, content_type = request.app[EXPOSITION]()
    return web.Response(body=body, headers={"Content-Type": content_type})


ROUTES = [web.get("/metrics", metrics)]
