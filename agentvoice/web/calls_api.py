"""Calls over HTTP: the history and its search, one call, and what is asked of live ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from aiohttp import web

from agentvoice.core.call import CallState, EndReason
from agentvoice.core.fields import Between, OneOf
from agentvoice.protocols import admin
from agentvoice.protocols.documents import CallDocument, CallSummary
from agentvoice.web.clients import Scope
from agentvoice.web.endpoint import Endpoint, read_body, read_query
from agentvoice.web.keys import CALLS, DESKS
from agentvoice.web.own_calls import CALL, sees_all, whose_calls

DEFAULT_LISTED = 20
MAX_LISTED = 1_000
"""Calls on one page."""


@dataclass(frozen=True, slots=True)
class CallsQuery:
    """Which calls."""

    query: str = ""
    """Words that the call mentions, all of them: in what was said, its agents, its project."""
    project: str = ""
    """Only calls of this project."""
    agent: str = ""
    """Only calls in which this agent spoke."""
    state: Annotated[str, OneOf(*CallState)] = ""
    """Only calls in this state."""
    before: str = ""
    """Only calls older than this one: the next page."""
    limit: Annotated[int, Between(1, MAX_LISTED)] = DEFAULT_LISTED
    """Calls on the page."""


class CallList(msgspec.Struct):
    """A page of calls, the newest first."""

    calls: list[CallSummary]


async def list_calls(request: web.Request) -> CallList:
    """List or search calls, the newest first; with scope `call` those that the client made."""
    asked = read_query(request, CallsQuery)
    page = await request.app[DESKS].calls.page(
        asked.query,
        project=asked.project,
        agent=asked.agent,
        state=CallState(asked.state) if asked.state else None,
        before=asked.before,
        limit=asked.limit,
        caller=whose_calls(request),
    )
    return CallList(page)


async def show_call(request: web.Request) -> CallDocument:
    """Show a whole call; its id may be `last`."""
    return await request.app[DESKS].calls.show(request[CALL], for_caller=not sees_all(request))


async def switch_call(request: web.Request) -> None:
    """Hand a live call over to the agent named in the body; answers when it is done."""
    body = await read_body(request, admin.SwitchCall)
    await request.app[CALLS].switch(request[CALL], body.agent)


async def end_call(request: web.Request) -> None:
    """End a live call."""
    await read_body(request, admin.Nothing)
    reason = EndReason.OPERATOR if sees_all(request) else EndReason.CALLER
    request.app[CALLS].end(request[CALL], reason)


async def keep_call_unpublished(request: web.Request) -> None:
    """Keep a call, live or ended, from being published; nothing takes it back."""
    await read_body(request, admin.Nothing)
    await request.app[CALLS].keep_unpublished(request[CALL])


LIVE_ENDPOINTS = (
    Endpoint("POST", "/calls/{call}/switch", switch_call, body=admin.SwitchCall, scope=Scope.CALL),
    Endpoint("POST", "/calls/{call}/end", end_call, body=admin.Nothing, scope=Scope.CALL),
    Endpoint(
        "POST", "/calls/{call}/do-not-publish", keep_call_unpublished, body=admin.Nothing, scope=Scope.CALL
    ),
)
ENDPOINTS = (
    Endpoint("GET", "/calls", list_calls, CallList, query=CallsQuery, scope=Scope.CALL),
    Endpoint("GET", "/calls/{call}", show_call, CallDocument, scope=Scope.CALL),
)
