"""Threads over HTTP: the documents of `publication list` and `publication show`, and what is decided of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from aiohttp import web

from agentvoice.core.call import PublicationState
from agentvoice.core.fields import Between, OneOf
from agentvoice.errors import NotFound
from agentvoice.protocols import admin
from agentvoice.protocols.publication_documents import (
    PublicationChange,
    PublicationDocument,
    PublicationSummary,
    ResendChange,
    UnpublishChange,
)
from agentvoice.protocols.review_documents import ReviewDocument
from agentvoice.web.clients import Scope
from agentvoice.web.endpoint import Endpoint, read_body, read_query
from agentvoice.web.keys import DESKS
from agentvoice.web.own_calls import CALL, sees_all

DEFAULT_LISTED = 20
MAX_LISTED = 1_000
"""Threads on one page."""

MAX_TURN_DIGITS = 6


@dataclass(frozen=True, slots=True)
class PublicationsQuery:
    """Which threads."""

    state: Annotated[str, OneOf(*PublicationState)] = ""
    """Only threads in this state; else all but `none`."""
    before: str = ""
    """Only threads of calls older than this one: the next page."""
    limit: Annotated[int, Between(1, MAX_LISTED)] = DEFAULT_LISTED
    """Threads on the page."""


class PublicationList(msgspec.Struct):
    """A page of threads, the newest first."""

    publications: list[PublicationSummary]


class PublicationShown(msgspec.Struct):
    """A call's thread; `review` is null unless the call waits for review and the client may decide."""

    call: str
    publication: PublicationDocument
    review: ReviewDocument | None


class ReviewShown(msgspec.Struct):
    """The published copy of a call that waits for review."""

    call: str
    review: ReviewDocument


async def list_publications(request: web.Request) -> PublicationList:
    """List threads, the newest first."""
    asked = read_query(request, PublicationsQuery)
    state = PublicationState(asked.state) if asked.state else None
    return PublicationList(await request.app[DESKS].threads.page(state, asked.before, asked.limit))


async def show_publication(request: web.Request) -> PublicationShown:
    """Show where a call's thread stands at each relay, and the copy that waits for review."""
    desks, decides = request.app[DESKS], sees_all(request)
    call, document = await desks.threads.show(request[CALL], for_caller=not decides)
    waits = decides and document.state == PublicationState.REVIEW
    return PublicationShown(call, document, await desks.publishing.review(call) if waits else None)


async def retry_publication(request: web.Request) -> PublicationChange:
    """Try again now what did not get through; the very same signed events are sent."""
    body = await read_body(request, admin.OfRelay)
    return await request.app[DESKS].publishing.retry(await _find(request), body.relay)


async def resend_publication(request: web.Request) -> ResendChange:
    """Try again now what did not get through, and what a relay accepted and lost: it is read back first."""
    body = await read_body(request, admin.OfRelay)
    return await request.app[DESKS].publishing.resend(await _find(request), body.relay)


async def unpublish_call(request: web.Request) -> UnpublishChange:
    """Take a thread back, for good: its relays are asked to delete it, which they may ignore."""
    await read_body(request, admin.Nothing)
    return await request.app[DESKS].publishing.unpublish(await _find(request))


async def drop_publication(request: web.Request) -> PublicationChange:
    """Give up what no relay has accepted yet."""
    body = await read_body(request, admin.OfRelay)
    return await request.app[DESKS].publishing.drop(await _find(request), body.relay)


async def approve_publication(request: web.Request) -> PublicationChange:
    """Let a call that waits for review be published."""
    await read_body(request, admin.Nothing)
    return await request.app[DESKS].publishing.approve(await _find(request))


async def reject_publication(request: web.Request) -> PublicationChange:
    """Never publish a call that waits for review."""
    body = await read_body(request, admin.Rejection)
    return await request.app[DESKS].publishing.reject(await _find(request), body.reason)


async def edit_turn(request: web.Request) -> ReviewShown:
    """Change what is published of one turn; turns are numbered from 1."""
    body = await read_body(request, admin.TurnText)
    text = request.match_info["turn"]
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_TURN_DIGITS):
        raise NotFound(f"turn: got {text[:80]!r}, want its number in the review")
    call = await _find(request)
    return ReviewShown(call, await request.app[DESKS].publishing.edit(call, int(text), body.text))


async def _find(request: web.Request) -> str:
    """Return the call's id: `last` names the newest."""
    return await request.app[DESKS].threads.find(request[CALL])


ENDPOINTS = (
    Endpoint("GET", "/publications", list_publications, PublicationList, query=PublicationsQuery),
    Endpoint("GET", "/publications/{call}", show_publication, PublicationShown, scope=Scope.CALL),
    Endpoint("POST", "/publications/{call}/retry", retry_publication, PublicationChange, admin.OfRelay),
    Endpoint("POST", "/publications/{call}/resend", resend_publication, ResendChange, admin.OfRelay),
    Endpoint("POST", "/publications/{call}/unpublish", unpublish_call, UnpublishChange, admin.Nothing),
    Endpoint("POST", "/publications/{call}/drop", drop_publication, PublicationChange, admin.OfRelay),
    Endpoint("POST", "/publications/{call}/approve", approve_publication, PublicationChange, admin.Nothing),
    Endpoint("POST", "/publications/{call}/reject", reject_publication, PublicationChange, admin.Rejection),
    Endpoint("PUT", "/publications/{call}/turns/{turn}", edit_turn, ReviewShown, admin.TurnText),
)
