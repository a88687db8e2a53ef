"""What happens, as it happens: server-sent events of live calls and of threads that get on."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import web

from agentvoice.protocols import admin
from agentvoice.protocols.documents import CallSummary
from agentvoice.services.live_feed import Change
from agentvoice.web.clients import Scope
from agentvoice.web.endpoint import Endpoint
from agentvoice.web.keys import DESKS
from agentvoice.web.own_calls import whose_calls

EVENT_STREAM = "text/event-stream"

HEARTBEAT_S = 15.0
"""A quiet stream says so often that it lives; proxies cut what is silent for a minute."""

FIRST_LOOK_S = 10.0
"""How long a stream may wait for the database before it begins."""

HEARTBEAT = b": nothing new\n\n"


async def watch_events(request: web.Request) -> web.StreamResponse:
    """Tell what changes of the calls that the client may see: `call` and `publication` events, open calls first.

    `lost` means that the client was too slow: it reads the lists again. Whoever reads them once the
    answer has begun misses nothing: what changes from then on is told.
    """
    watcher = request.app[DESKS].feed.watch(whose_calls(request))
    response = web.StreamResponse(headers={"Content-Type": EVENT_STREAM})
    try:
        await watcher.begin(FIRST_LOOK_S)
        await response.prepare(request)
        with suppress(ConnectionError):  # the client is gone
            while not watcher.is_over:
                change = await watcher.next(HEARTBEAT_S)
                await response.write(encode_change(change) if change else HEARTBEAT)
    finally:
        watcher.leave()
    return response


def encode_change(change: Change) -> bytes:
    """Return a change as an event of the stream (HTML, 9.2.5)."""
    summary = change.summary
    if summary is None:
        return b"event: lost\ndata: {}\n\n"
    name = b"call" if isinstance(summary, CallSummary) else b"publication"
    return b"event: %s\ndata: %s\n\n" % (name, admin.encode(summary))


ENDPOINTS = (Endpoint("GET", "/events", watch_events, str, content_type=EVENT_STREAM, scope=Scope.CALL),)
