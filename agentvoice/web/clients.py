"""Who the client of a request is, and what it may do: the one place that decides it.

`admit` puts the client beside the request once `identify` has found it; endpoints and the call
socket ask with `require`. On TCP `web.door` identifies; the control socket has one client alone, since
the file system lets only the daemon's own user open it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from agentvoice.core.client import NOBODY as NOBODY
from agentvoice.core.client import OWNER as OWNER
from agentvoice.core.client import Client as Client
from agentvoice.core.client import Scope as Scope
from agentvoice.errors import Refused, SignInWanted
from agentvoice.web.visitors import VISITOR

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Identify = Callable[[web.Request], Awaitable[Client]]

CLIENT = web.RequestKey("client", Client)
"""Where the client stands in a request."""

ASKING_PATHS = ("/api/", "/call", "/metrics")
"""Below these it matters who asks; the page and its files are for anybody, and whether all is well."""


def admit(identify: Identify) -> Middleware:
    """Return the middleware that finds out who the client is."""

    @web.middleware
    async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[CLIENT] = await identify(request) if request.path.startswith(ASKING_PATHS) else NOBODY
        return await handler(request)

    return admitted


async def identify_owner(request: web.Request) -> Client:
    """Return the owner: the control socket has no other clients."""
    return OWNER


async def identify_local(request: web.Request) -> Client:
    """Return the owner for whoever is on this machine, nobody for all others."""
    return OWNER if request[VISITOR].is_local else NOBODY


def require(request: web.Request, scope: Scope) -> Client:
    """Return the client; raises SignInWanted for nobody, Refused for one that may not do this."""
    client = request[CLIENT]
    if scope in client.scopes:
        return client
    if not client.scopes:
        raise SignInWanted(
            f"scope: got nobody we know, want {scope.value}: sign in, or send `Authorization: Bearer TOKEN`"
            " (`agentvoice token new` makes one)"
        )
    raise Refused(f"scope: got {client.name!r} with {', '.join(sorted(client.scopes))}, want {scope.value}")
