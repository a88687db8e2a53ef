"""Where threads stand, over HTTP: the documents of `publication show` and `publication list`."""

from __future__ import annotations

from aiohttp import web

from agentvoice.core.call import PublicationState
from agentvoice.errors import UsageError
from agentvoice.protocols.documents import encode_document
from agentvoice.web.keys import PUBLICATIONS

DEFAULT_LISTED = 20
MAX_LISTED = 1_000
"""Threads on one page."""


async def list_publications(request: web.Request) -> web.Response:
    """Answer a page of threads: `?state=`, `?before=` the last call of the page before, `?limit=`."""
    query = request.query
    page = await request.app[PUBLICATIONS].page(
        _state(query.get("state", "")), query.get("before", ""), _limit(query.get("limit", ""))
    )
    return web.json_response(body=encode_document({"publications": page}))


async def show_publication(request: web.Request) -> web.Response:
    """Answer where a call's thread stands at each relay."""
    call, document = await request.app[PUBLICATIONS].show(request.match_info["call"])
    return web.json_response(body=encode_document({"call": call, "publication": document}))


def _state(text: str) -> PublicationState | None:
    try:
        return PublicationState(text) if text else None
    except ValueError:
        wanted = ", ".join(state.value for state in PublicationState)
        raise UsageError(f"state: got {text!r}, want one of {wanted}") from None


def _limit(text: str) -> int:
    if not text:
        return DEFAULT_LISTED
    # isdecimal alone would let other scripts' digits and a number of any length through.
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MAX_LISTED):
        raise UsageError(f"limit: got {text!r}, want a whole number from 1 to {MAX_LISTED}")
    return int(text)


ROUTES = [
    web.get("/api/v1/publications", list_publications),
    web.get("/api/v1/publications/{call}", show_publication),
]
