"""What operators ask of live calls."""

from __future__ import annotations

from aiohttp import web

from agentvoice.protocols import admin
from agentvoice.web.keys import CALLS


async def switch_call(request: web.Request) -> web.Response:
    """Hand a live call over to the agent named in the body; answers when it is done."""
    body = admin.decode_switch(await request.read())
    await request.app[CALLS].switch(request.match_info["call"], body.agent)
    return web.Response(status=204)


async def end_call(request: web.Request) -> web.Response:
    """End a live call."""
    request.app[CALLS].end(request.match_info["call"])
    return web.Response(status=204)


ROUTES = [
    web.post("/api/v1/calls/{call}/switch", switch_call),
    web.post("/api/v1/calls/{call}/end", end_call),
]
