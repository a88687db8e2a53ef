"""Lets the scripts of allowed sites use the API (CORS, in the Fetch standard).

Only sites that `[http] allowed_origins` names, and without cookies: such a script shows a token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

API_PREFIX = "/api/"
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}
NO_CONTENT = 204


def allow_origins(origins: tuple[str, ...]) -> Middleware:
    """Return the middleware that answers what browsers ask before they send a request for such a site."""

    @web.middleware
    async def allowed(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if is_preflight and _is_allowed(request, origins):
            return web.Response(status=NO_CONTENT, headers=PREFLIGHT_HEADERS)
        return await handler(request)

    return allowed


def name_origin(origins: tuple[str, ...]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return what tells the browser that the site may read an answer (an on_response_prepare signal)."""

    async def named(request: web.Request, response: web.StreamResponse) -> None:
        if _is_allowed(request, origins):
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers.add("Vary", "Origin")

    return named


def _is_allowed(request: web.Request, origins: tuple[str, ...]) -> bool:
    return request.path.startswith(API_PREFIX) and request.headers.get("Origin") in origins
