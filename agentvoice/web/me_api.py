"""Who the client is, over HTTP."""

from __future__ import annotations

import msgspec
from aiohttp import web

from agentvoice.core.client import Client
from agentvoice.web.clients import CLIENT, Scope
from agentvoice.web.endpoint import Endpoint


class Me(msgspec.Struct):
    """The client: its name, what it may do (`call`, `admin`), its npub if it signed in with one."""

    scopes: list[str]
    name: str
    npub: str | None


async def show_me(request: web.Request) -> Me:
    """Tell who the client is, and what it may do."""
    return me_of(request[CLIENT])


def me_of(client: Client) -> Me:
    """Return what a client is told of itself."""
    return Me(sorted((scope.value for scope in client.scopes), reverse=True), client.name, client.npub)


ENDPOINTS = (Endpoint("GET", "/me", show_me, Me, scope=Scope.CALL),)
