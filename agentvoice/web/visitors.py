"""Where a request comes from: the address, the name it asked for, and whether it is this machine's own.

What a proxy says of the client is believed of the trusted ones alone; anybody can write such headers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Middleware

from agentvoice.config import HttpSettings
from agentvoice.config.http import Network, networks_of
from agentvoice.core.loopback import is_loopback
from agentvoice.web.addresses import host_name

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PROXY_HEADERS = (
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
)
"""Where one of them stands, a proxy spoke."""

IPV6_CUSTOMER_BITS = 64
"""Whoever has one IPv6 address has all of its network."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The far end of a request: its address, and the Host and scheme it used."""

    address: str
    host: str
    scheme: str
    is_local: bool

    @property
    def origin(self) -> str:
        """What a browser that shows our page calls it."""
        return f"{self.scheme}://{self.host.lower()}"

    @property
    def key(self) -> str:
        """What its limits are counted by."""
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return self.address
        if isinstance(address, ipaddress.IPv4Address):
            return self.address
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), IPV6_CUSTOMER_BITS), strict=False))


VISITOR = web.RequestKey("visitor", Visitor)
"""Where the visitor stands in a request."""


def see_visitors(settings: HttpSettings) -> Middleware:
    """Return the middleware that puts the visitor beside each request."""
    trusted = networks_of(settings.trusted_proxies)

    @web.middleware
    async def seen(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[VISITOR] = see(request, trusted)
        return await handler(request)

    return seen


def see(request: web.Request, trusted: Iterable[Network]) -> Visitor:
    """Return who is at the far end, beyond the proxies that are `trusted`."""
    near = request.remote or ""
    networks = tuple(trusted)
    if _is_in(near, networks) and "X-Forwarded-For" in request.headers:
        return Visitor(
            address=_client_address(request, networks),
            host=_last(request, "X-Forwarded-Host") or request.host,
            scheme="https" if _last(request, "X-Forwarded-Proto").lower() == "https" else "http",
            is_local=False,  # the proxy speaks for anybody
        )
    # Proxies that say nothing of themselves speak HTTP/1.0 (nginx does, unless told otherwise); browsers do not.
    is_proxied = any(name in request.headers for name in PROXY_HEADERS) or request.version < HttpVersion11
    is_local = is_loopback(near) and is_loopback(host_name(request.host)) and not is_proxied
    return Visitor(near, request.host, request.scheme, is_local)


def _client_address(request: web.Request, trusted: tuple[Network, ...]) -> str:
    """Return the nearest address that is no proxy of ours: those further away are hearsay."""
    far = [part.strip() for line in request.headers.getall("X-Forwarded-For") for part in line.split(",")]
    return next((address for address in reversed(far) if not _is_in(address, trusted)), far[0])[:80]


def _last(request: web.Request, name: str) -> str:
    """Return what the nearest proxy put into a header."""
    return request.headers.getall(name, [""])[-1].split(",")[-1].strip()


def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)
