"""Signing in and out, over HTTP: a token or a signed event against a cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from agentvoice.core.event import SignedEvent
from agentvoice.errors import RemoteProtocolError, UsageError
from agentvoice.protocols import admin
from agentvoice.protocols.admin import SignIn
from agentvoice.protocols.nostr import nip98
from agentvoice.protocols.nostr.nip01 import decode_event
from agentvoice.services.sign_in import SignedIn
from agentvoice.web.door import COOKIE, NOSTR
from agentvoice.web.endpoint import JSON, Endpoint, read_body
from agentvoice.web.keys import DOOR
from agentvoice.web.me_api import Me, me_of
from agentvoice.web.visitors import VISITOR


async def sign_in(request: web.Request) -> web.Response:
    """Sign a browser in by a token or with Nostr (NIP-98); the answer sets its cookie."""
    signed_in = await request.app[DOOR].hear(request, lambda: _signed_in(request))
    response = web.Response(body=admin.encode(me_of(signed_in.client)), content_type=JSON)
    response.set_cookie(
        COOKIE,
        signed_in.cookie,
        max_age=signed_in.seconds,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=request[VISITOR].scheme == "https",
    )
    return response


async def _signed_in(request: web.Request) -> SignedIn:
    desk = request.app[DOOR].desk
    header = request.headers.get("Authorization", "")
    if header.lower().startswith(NOSTR):
        event = _read_event("Authorization", nip98.decode_authorization, header)
        return await desk.sign_in_by_event(event, _proven(request, await request.read()))
    body = await read_body(request, SignIn)
    if bool(body.token) == (body.nostr is not None):
        raise UsageError("body: got neither or both, want `token` or `nostr`")
    if body.nostr is None:
        return await desk.sign_in_by_token(body.token)
    # An event in the body cannot hold the body's hash: its payload is nothing.
    event = _read_event("nostr", decode_event, body.nostr)
    return await desk.sign_in_by_event(event, _proven(request, b""))


def _read_event(name: str, decode: Callable[[Any], SignedEvent], text: object) -> SignedEvent:
    try:
        return decode(text)
    except RemoteProtocolError as error:
        raise UsageError(f"{name}: {error}") from None


def _proven(request: web.Request, body: bytes) -> nip98.ProvenRequest:
    return nip98.ProvenRequest(request[VISITOR].origin + request.path, request.method, body)


async def sign_out(request: web.Request) -> web.Response:
    """Sign a browser out: its cookie is worth nothing from then on."""
    cookie = request.cookies.get(COOKIE)
    if cookie:
        await request.app[DOOR].desk.sign_out(cookie)
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path="/")
    return response


ENDPOINTS = (
    Endpoint("POST", "/sign-in", sign_in, Me, body=SignIn, scope=None),
    Endpoint("POST", "/sign-out", sign_out, scope=None),
)
