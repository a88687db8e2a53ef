"""The two applications: what TCP may reach, and what the control socket's owner may.

TCP offers the page, calls and commands behind `web.defence`: to this machine only, and to no other
site. The control socket is kept by the file system for the daemon's own user (mode 0600).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from agentvoice.config import HttpSettings
from agentvoice.errors import AgentVoiceError
from agentvoice.protocols import admin
from agentvoice.services.call_manager import CallManager
from agentvoice.services.publication_pages import PublicationPages
from agentvoice.web import admin_api, call_socket, defence, health, metrics, page, publication_api
from agentvoice.web.keys import CALLS, EXPOSITION, PUBLICATIONS, READINESS

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_public_app(
    calls: CallManager,
    readiness: Callable[[], str],
    exposition: Callable[[], tuple[bytes, str]],
    settings: HttpSettings | None = None,
) -> web.Application:
    """Return what is served on TCP; `exposition` gives the metrics and their content type."""
    app = _build_app(calls, readiness, defence.defend(settings or HttpSettings()))
    app.on_response_prepare.append(defence.add_headers)
    app[EXPOSITION] = exposition
    app.add_routes(health.ROUTES)
    app.add_routes(metrics.ROUTES)
    app.add_routes(page.ROUTES)
    app.add_routes(call_socket.ROUTES)
    app.add_routes(admin_api.ROUTES)
    return app


def build_control_app(
    calls: CallManager, readiness: Callable[[], str], publications: PublicationPages | None = None
) -> web.Application:
    """Return what is served on the control socket; without `publications` threads are not shown."""
    app = _build_app(calls, readiness)
    app.add_routes(health.ROUTES)
    app.add_routes(call_socket.ROUTES)
    app.add_routes(admin_api.ROUTES)
    if publications is not None:
        app[PUBLICATIONS] = publications
        app.add_routes(publication_api.ROUTES)
    return app


def _build_app(calls: CallManager, readiness: Callable[[], str], *checks: Middleware) -> web.Application:
    app = web.Application(middlewares=[_answer_errors, *checks], client_max_size=admin.MAX_BODY_BYTES)
    app[CALLS] = calls
    app[READINESS] = readiness
    return app


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer our own errors as JSON with the matching status."""
    try:
        return await handler(request)
    except AgentVoiceError as error:
        log.info("request_refused", path=request.path, error=str(error))
        status = admin.STATUS_OF_EXIT_CODE.get(error.exit_code, 500)
        return web.json_response(body=admin.encode(admin.failure_of(error)), status=status)
