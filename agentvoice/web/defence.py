"""What keeps other people and other sites out of the daemon's TCP face.

Checks before any handler: the Host is one that this daemon is reached by (against DNS
rebinding), the Origin of whatever can change something is our own (against other sites), what asks
the API is no page of another site (which could not read the answer, but measure how long a search
takes), and a body is JSON (against plain forms). Who the client is, and what it may do, is decided in `web.clients`.
Browsers are told by headers to load nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from agentvoice.config import HttpSettings
from agentvoice.core.loopback import is_loopback
from agentvoice.errors import Refused
from agentvoice.web.addresses import host_name
from agentvoice.web.clients import ASKING_PATHS
from agentvoice.web.visitors import VISITOR

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""For machines that watch: they change nothing, and are asked by any name."""

OWN_SITES = frozenset({"same-origin", "none"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
JSON = "application/json"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), screen-wake-lock=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def defend(settings: HttpSettings) -> Middleware:
    """Return the middleware that makes the checks; it raises Refused naming what is wrong."""

    @web.middleware
    async def defended(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in OPEN_PATHS:
            check_host(request, settings.allowed_hosts)
            if can_change(request):
                check_origin(request, settings.allowed_origins)
            elif request.path.startswith(ASKING_PATHS):
                check_site(request, settings.allowed_origins)
            # What no address takes is answered as such (404, 405), whatever it carries.
            if request.method not in SAFE_METHODS and request.match_info.http_exception is None:
                check_content_type(request)
        return await handler(request)

    return defended


def can_change(request: web.Request) -> bool:
    """Whether a request may change something: a command, or a socket on which commands come."""
    return request.method not in SAFE_METHODS or "Upgrade" in request.headers


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Tell the browser what this face may do (an aiohttp on_response_prepare signal)."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def check_host(request: web.Request, allowed: tuple[str, ...]) -> None:
    """Refuse a Host that is neither this machine's own nor allowed by the settings."""
    host = host_name(request[VISITOR].host)
    if not is_loopback(host) and host not in allowed:
        raise Refused(f"Host: got {host[:80]!r}, want a loopback name or one of [http] allowed_hosts")


def check_origin(request: web.Request, allowed: tuple[str, ...]) -> None:
    """Refuse another site's script; a client that is no browser sends no Origin."""
    origin = request.headers.get("Origin")
    if origin is None or origin in allowed:
        return
    if origin.lower() != request[VISITOR].origin:
        raise Refused(f"Origin: got {origin[:80]!r}, want this page's own or one of [http] allowed_origins")


def check_site(request: web.Request, allowed: tuple[str, ...]) -> None:
    """Refuse what a browser says another site's page made it ask (Sec-Fetch-Site, in Fetch Metadata).

    Other ports of this host are "same-site". "none" is a person: an address that was typed.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in OWN_SITES and request.headers.get("Origin") not in allowed:
        raise Refused(
            f"Sec-Fetch-Site: got {site[:80]!r}, want this page's own or one of [http] allowed_origins"
        )


def check_content_type(request: web.Request) -> None:
    """Refuse what a plain form of another site could send."""
    if request.content_type != JSON:
        raise Refused(f"Content-Type: got {request.content_type[:80]!r}, want {JSON}")
