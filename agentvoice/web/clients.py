"""Who the client of a request is, and what it may do: the one place that decides it.

`admit` puts the client beside the request once `identify` has found it; endpoints and the call
socket ask with `require`. `identify` knows two kinds of clients: whoever opened the control socket
(the file system lets only the daemon's own user do that), and clients on this machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web
from aiohttp.typedefs import Middleware

from agentvoice.core.loopback import is_loopback
from agentvoice.errors import Refused
from agentvoice.web.addresses import host_name

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


class Scope(StrEnum):
    """What a client may do: hold calls, or see and change everything."""

    CALL = "call"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. `npub` is theirs if they signed in with Nostr."""

    name: str
    scopes: frozenset[Scope]
    npub: str | None = None


OWNER = Client("local", frozenset(Scope))
"""Who sits at this machine."""

NOBODY = Client("", frozenset())

CLIENT = web.RequestKey("client", Client)
"""Where the client stands in a request."""

Identify = Callable[[web.Request], Client]


def admit(identify: Identify) -> Middleware:
    """Return the middleware that finds out who the client is."""

    @web.middleware
    async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[CLIENT] = identify(request)
        return await handler(request)

    return admitted


def identify_owner(request: web.Request) -> Client:
    """Return the owner: the control socket has no other clients."""
    return OWNER


def identify_local(request: web.Request) -> Client:
    """Return the owner for whoever is on this machine, nobody for all others.

    A proxy on this machine may speak for anybody, so what comes through one is not local.
    """
    is_here = is_loopback(request.remote or "") and is_loopback(host_name(request.host))
    return OWNER if is_here and not any(name in request.headers for name in PROXY_HEADERS) else NOBODY


def require(request: web.Request, scope: Scope) -> Client:
    """Return the client; raises Refused unless it may do this."""
    client = request[CLIENT]
    if scope not in client.scopes:
        raise Refused(f"{scope.value}: only this machine may, got a client from elsewhere or behind a proxy")
    return client
