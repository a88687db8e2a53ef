"""The two applications: what TCP may reach, and what the control socket's owner may.

TCP offers the page, calls and the API behind `web.defence`, to the clients that `web.clients` knows. The
control socket is kept by the file system for the daemon's own user (mode 0600).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import ceil

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from agentvoice.config import HttpSettings
from agentvoice.errors import AgentVoiceError, SignInWanted, TooManyRequests
from agentvoice.protocols import admin
from agentvoice.services.call_manager import CallManager
from agentvoice.services.held_calls import HeldCalls
from agentvoice.services.presence import Presence, always_owner
from agentvoice.web import api, call_socket, cors, defence, health, metrics, page
from agentvoice.web.clients import Identify, admit, identify_local, identify_owner
from agentvoice.web.desks import Desks
from agentvoice.web.door import Door
from agentvoice.web.endpoint import JSON
from agentvoice.web.keys import CALLS, DESKS, DOOR, EXPOSITION, HELD, PRESENCE, READINESS
from agentvoice.web.visitors import see_visitors

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_public_app(
    calls: CallManager,
    readiness: Callable[[], str],
    exposition: Callable[[], tuple[bytes, str]],
    settings: HttpSettings | None = None,
    desks: Desks | None = None,
    door: Door | None = None,
    identify: Identify = identify_local,
) -> web.Application:
    """Return what is served on TCP; `exposition` gives the metrics and their content type.

    Who the clients are is found out by `door`, which also limits what they ask; without one by
    `identify`, and nobody can sign in.
    """
    settings = settings or HttpSettings()
    checks = (
        see_visitors(settings),
        *((door.limits.hold,) if door else ()),
        cors.allow_origins(settings.allowed_origins),
        defence.defend(settings),
        admit(door.identify if door else identify),
    )
    presence = Presence(door.desk.look_again if door else always_owner, calls.clock)
    app = _build_app(calls, readiness, desks, presence, *checks)
    app.on_response_prepare.append(defence.add_headers)
    app.on_response_prepare.append(cors.name_origin(settings.allowed_origins))
    if door is not None:
        app[DOOR] = door
        app.add_routes(endpoint.route() for endpoint in api.DOOR_ENDPOINTS)
    app[EXPOSITION] = exposition
    app.add_routes(metrics.routes(is_open=settings.metrics_open))
    app.add_routes(page.ROUTES)
    return app


def build_control_app(
    calls: CallManager, readiness: Callable[[], str], desks: Desks | None = None
) -> web.Application:
    """Return what is served on the control socket; without `desks` there are live calls alone."""
    presence = Presence(always_owner, calls.clock)
    return _build_app(calls, readiness, desks, presence, admit(identify_owner))


def _build_app(
    calls: CallManager,
    readiness: Callable[[], str],
    desks: Desks | None,
    presence: Presence,
    *checks: Middleware,
) -> web.Application:
    app = web.Application(middlewares=[_answer_errors, *checks], client_max_size=admin.MAX_BODY_BYTES)
    app[CALLS] = calls
    app[HELD] = HeldCalls(calls)
    app[PRESENCE] = presence
    app[READINESS] = readiness
    app.on_cleanup.append(_end_held_calls)
    app.add_routes(health.ROUTES)
    app.add_routes(call_socket.ROUTES)
    app.add_routes(endpoint.route() for endpoint in api.LIVE_ENDPOINTS)
    if desks is not None:
        app[DESKS] = desks
        app.add_routes(endpoint.route() for endpoint in api.DESK_ENDPOINTS)
        app.on_shutdown.append(_end_events)
    return app


async def _end_events(app: web.Application) -> None:
    """Let those who watch go, so that the server need not wait for them."""
    app[DESKS].feed.close()


async def _end_held_calls(app: web.Application) -> None:
    app[PRESENCE].close()
    await app[HELD].close()


def _headers_of(error: AgentVoiceError) -> dict[str, str]:
    if isinstance(error, SignInWanted):
        return {"WWW-Authenticate": "Bearer"}
    return {"Retry-After": f"{ceil(error.wait_s)}"} if isinstance(error, TooManyRequests) else {}


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer our own errors, and HTTP's, as JSON with the matching status."""
    try:
        return await handler(request)
    except AgentVoiceError as error:
        log.info("request_refused", path=request.path, error=str(error))
        failure, status, headers = admin.failure_of(error), admin.status_of(error), _headers_of(error)
    except web.HTTPException as error:
        if error.status < web.HTTPBadRequest.status_code:
            raise
        words = f"{request.method} {request.path[:200]}: {error.reason}"
        failure, status = admin.failure_of_status(error.status, words), error.status
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return web.Response(body=admin.encode(failure), status=status, content_type=JSON, headers=headers)
