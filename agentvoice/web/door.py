"""The door of the TCP face: who shows a token or a cookie, and how often one may be wrong about it.

A token comes in `Authorization: Bearer`. A browser has a cookie instead, which it alone can send: no
script reads it (HttpOnly), no other site's request carries it (SameSite=Strict), and where something
could change, our own Origin must stand beside it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from agentvoice.adapters.signer import find_forgery
from agentvoice.config import HttpSettings
from agentvoice.core.client import NEIGHBOUR, NOBODY, Client
from agentvoice.core.ports import Clock
from agentvoice.core.rate_limit import RateLimit
from agentvoice.errors import Refused, TooManyRequests, UsageError, WrongToken
from agentvoice.services.sign_in import SignInDesk
from agentvoice.storage.database import Database
from agentvoice.web.defence import can_change
from agentvoice.web.limits import Limits
from agentvoice.web.visitors import VISITOR

COOKIE = "agentvoice"
BEARER = "bearer "
NOSTR = "nostr "

T = TypeVar("T")


class Door:
    """Finds out who the clients of one daemon are."""

    def __init__(self, desk: SignInDesk, clock: Clock, settings: HttpSettings) -> None:
        self.desk = desk
        self.limits = Limits(clock, settings)
        self._clock = clock
        self._wrong = RateLimit(settings.sign_in.wrong_tokens_per_minute)

    async def identify(self, request: web.Request) -> Client:
        """Return the client of a request, NOBODY for one that shows nothing.

        Raises WrongToken or SignInWanted for a token that is wrong or over, TooManyRequests.
        """
        shown = request.headers.get("Authorization", "")
        if shown.lower().startswith(BEARER):
            token = shown[len(BEARER) :].strip()
            return await self.hear(request, lambda: self.desk.client_of_token(token))
        if shown and not shown.lower().startswith(NOSTR):
            raise UsageError("Authorization: got another scheme, want Bearer")
        cookie = request.cookies.get(COOKIE)
        client = await self.desk.client_of_cookie(cookie) if cookie else None
        if client is not None:
            if can_change(request) and "Origin" not in request.headers:
                raise Refused("Origin: got none with a cookie, want this page's own")
            return client
        return NEIGHBOUR if request[VISITOR].is_local and await self.desk.is_open() else NOBODY

    async def hear(self, request: web.Request, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what an attempt to come in gives; raises TooManyRequests after too many wrong ones."""
        key, now = request[VISITOR].key, self._clock.monotonic_s()
        wait_s = self._wrong.wait_s(key, now)
        if wait_s:
            raise TooManyRequests(f"token: too many wrong ones, come again in {wait_s:.0f} s", wait_s)
        try:
            return await attempt()
        except WrongToken:
            self._wrong.spend(key, now)
            raise


def build_door(database: Database, clock: Clock, settings: HttpSettings) -> Door:
    """Return the door over a database's tokens and the settings' npubs."""
    return Door(SignInDesk(database, clock, settings.sign_in, find_forgery), clock, settings)
