"""How much one client may ask of the TCP face, by its address; this machine's own clients as much as they like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

from agentvoice.config import HttpSettings
from agentvoice.core.ports import Clock
from agentvoice.core.rate_limit import RateLimit
from agentvoice.errors import TooManyRequests
from agentvoice.web.visitors import VISITOR

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Limits:
    """Counts the requests of each client: in a minute, and those that are open."""

    def __init__(self, clock: Clock, settings: HttpSettings) -> None:
        self._clock = clock
        self._rate = RateLimit(settings.requests_per_minute)
        self._at_once = settings.requests_at_once
        self._open: Counter[str] = Counter()

    @web.middleware
    async def hold(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request pass (an aiohttp middleware); raises TooManyRequests."""
        visitor = request[VISITOR]
        if visitor.is_local:
            return await handler(request)
        key = visitor.key
        wait_s = self._rate.spend(key, self._clock.monotonic_s())
        if wait_s:
            raise TooManyRequests(f"requests: too many in a minute, come again in {wait_s:.0f} s", wait_s)
        if self._open[key] >= self._at_once:
            raise TooManyRequests(
                f"requests: got more than {self._at_once} open at the same time, want fewer"
            )
        self._open[key] += 1
        try:
            return await handler(request)
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]
