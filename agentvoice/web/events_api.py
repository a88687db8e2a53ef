"""What happens, as it happens: server-sent events of live calls and of threads that get on."""

from __future__ import annotations

from aiohttp import web

from agentvoice.core.ports import Clock
from agentvoice.errors import SignInWanted, TimedOut
from agentvoice.protocols import admin
from agentvoice.protocols.documents import CallSummary
from agentvoice.services.live_feed import Change
from agentvoice.web.clients import CLIENT, Client, Scope
from agentvoice.web.endpoint import Endpoint
from agentvoice.web.keys import DESKS, PRESENCE
from agentvoice.web.own_calls import whose_calls

EVENT_STREAM = "text/event-stream"

HEARTBEAT_S = 15.0
"""A quiet stream says so often that it lives; proxies cut what is silent for a minute."""

FIRST_LOOK_S = 10.0
"""How long a stream may wait for the database before it begins."""

HEARTBEAT = b": nothing new\n\n"

TAKEN_S = 30.0
"""A client that takes nothing for so long is cut off: it would keep its place for ever."""


async def watch_events(request: web.Request) -> web.StreamResponse:
    """Tell what changes of the calls that the client may see: `call` and `publication` events, open calls first.

    `lost` means that the client was too slow: it reads the lists again. Whoever reads them once the
    answer has begun misses nothing: what changes from then on is told. `refused` is the last event of a
    client that may not watch any more.
    """
    desks, client = request.app[DESKS], request[CLIENT]
    watcher = desks.feed.watch(whose_calls(request))

    def may_stay(found: Client) -> bool:
        return client.scopes <= found.scopes and not found.has_run_out

    stay = request.app[PRESENCE].enter(client, may_stay, watcher.end)
    response = web.StreamResponse(headers={"Content-Type": EVENT_STREAM})
    try:
        await watcher.begin(FIRST_LOOK_S)
        await response.prepare(request)
        while not watcher.is_over:
            change = await watcher.next(HEARTBEAT_S)
            await _write(response, encode_change(change) if change else HEARTBEAT, desks.clock)
        if stay.why:
            await _write(response, encode_refusal(stay.why), desks.clock)
    except ConnectionError:
        pass  # the client is gone
    except TimedOut:
        if request.transport is not None:
            request.transport.abort()
    finally:
        stay.leave()
        watcher.leave()
    return response


def encode_refusal(why: str) -> bytes:
    """Return the last event of a client that is put out."""
    return b"event: refused\ndata: %s\n\n" % admin.encode(admin.failure_of(SignInWanted(why)))


async def _write(response: web.StreamResponse, data: bytes, clock: Clock) -> None:
    async with clock.deadline(TAKEN_S):
        await response.write(data)


def encode_change(change: Change) -> bytes:
    """Return a change as an event of the stream (HTML, 9.2.5)."""
    summary = change.summary
    if summary is None:
        return b"event: lost\ndata: {}\n\n"
    name = b"call" if isinstance(summary, CallSummary) else b"publication"
    return b"event: %s\ndata: %s\n\n" % (name, admin.encode(summary))


ENDPOINTS = (Endpoint("GET", "/events", watch_events, str, content_type=EVENT_STREAM, scope=Scope.CALL),)
