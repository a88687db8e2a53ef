"""Agents over HTTP: the documents of `agent list`, `show` and `history`, and their changes."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, get_type_hints

import msgspec
from aiohttp import web

from agentvoice.core.agent import AgentProfile
from agentvoice.core.fields import field_default
from agentvoice.protocols.admin import Nothing, Removed
from agentvoice.protocols.agent_json import ANSWERED_ONLY, AgentWish, decode_agent
from agentvoice.protocols.documents import ProfileStanding
from agentvoice.web.clients import Scope
from agentvoice.web.endpoint import Endpoint, read_body
from agentvoice.web.keys import DESKS
from agentvoice.web.own_calls import sees_all

_HINTS = get_type_hints(AgentProfile)

FOR_CALLERS = ("slug", "name", "about", "picture", "enabled", "npub")
"""Fields that callers need: whom they may call, and who signs."""

_KINDS = {
    **{field.name: _HINTS[field.name] for field in fields(AgentProfile)},
    "npub": str | None,
    "revision": int,
    "changed_at": str,
}

AgentDocument = msgspec.defstruct("AgentDocument", list(_KINDS.items()))
"""An agent as it is answered: its profile's fields, its npub, its revision."""

ListedAgent = msgspec.defstruct(
    "ListedAgent",
    [
        *((name, _KINDS[name]) for name in FOR_CALLERS),
        *(
            (name, kind | msgspec.UnsetType, msgspec.UNSET)
            for name, kind in _KINDS.items()
            if name not in FOR_CALLERS
        ),
    ],
)
"""An agent as it is listed; what is optional is left out with scope `call`."""

AgentShown = msgspec.defstruct("AgentShown", [("profile", list[ProfileStanding])], bases=(AgentDocument,))
"""An agent, and where its profile (kind 0) stands at each relay that has threads of it."""

AgentRevisionDocument = msgspec.defstruct(
    "AgentRevisionDocument", [("changed", list[str])], bases=(AgentDocument,)
)
"""A revision, with the names of the fields that it changed."""

AgentBody = msgspec.defstruct(
    "AgentBody",
    [
        *(
            (field.name, _HINTS[field.name])
            if field_default(field) is MISSING
            else (field.name, _HINTS[field.name], field_default(field))
            for field in fields(AgentProfile)
            if field.name not in ANSWERED_ONLY
        ),
        ("key", str, ""),
        ("revision", int, 0),
    ],
)
"""An agent as it is sent: `key` is the npub that it signs with, `revision` the one that was changed."""


class AgentList(msgspec.Struct):
    """All agents by slug."""

    agents: list[ListedAgent]  # type: ignore[valid-type] # a class made from the profile's fields


class AgentHistory(msgspec.Struct):
    """An agent's revisions, the oldest first."""

    revisions: list[AgentRevisionDocument]  # type: ignore[valid-type] # as above


async def list_agents(request: web.Request) -> dict[str, Any]:
    """List the agents; with scope `call`, who they are and no more."""
    found = await request.app[DESKS].agents.list_agents()
    return {"agents": found if sees_all(request) else [for_caller(each) for each in found]}


def for_caller(agent: dict[str, Any]) -> dict[str, Any]:
    """Return what callers need of an agent's document: not what it was told, nor by what it works."""
    return {name: agent[name] for name in FOR_CALLERS}


async def show_agent(request: web.Request) -> dict[str, Any]:
    """Show an agent, and where its profile stands on Nostr."""
    return await request.app[DESKS].agents.show(request.match_info["slug"])


async def agent_history(request: web.Request) -> dict[str, Any]:
    """List an agent's revisions, the oldest first, and what each changed."""
    return {"revisions": await request.app[DESKS].agents.history(request.match_info["slug"])}


async def add_agent(request: web.Request) -> dict[str, Any]:
    """Add an agent; it gets a signing key of its own unless `key` names one that is known."""
    return await request.app[DESKS].agents.create(await _read_agent(request))


async def change_agent(request: web.Request) -> dict[str, Any]:
    """Store an agent's next revision; what is left out takes its default, its key stays."""
    wish = await _read_agent(request, request.match_info["slug"])
    return await request.app[DESKS].agents.change(wish)


async def remove_agent(request: web.Request) -> Removed:
    """Remove an agent; the calls it spoke in stay as they are, live ones go on, and its key stays."""
    await read_body(request, Nothing)
    slug = request.match_info["slug"]
    await request.app[DESKS].agents.remove(slug)
    return Removed(slug)


async def enable_agent(request: web.Request) -> dict[str, Any]:
    """Let an agent take calls again."""
    await read_body(request, Nothing)
    return await request.app[DESKS].agents.set_enabled(request.match_info["slug"], True)


async def disable_agent(request: web.Request) -> dict[str, Any]:
    """Keep an agent from taking calls and handovers."""
    await read_body(request, Nothing)
    return await request.app[DESKS].agents.set_enabled(request.match_info["slug"], False)


async def _read_agent(request: web.Request, slug: str = "") -> AgentWish:
    return decode_agent(await request.read(), slug)


ENDPOINTS = (
    Endpoint("GET", "/agents", list_agents, AgentList, scope=Scope.CALL),
    Endpoint("POST", "/agents", add_agent, AgentDocument, AgentBody),
    Endpoint("GET", "/agents/{slug}", show_agent, AgentShown),
    Endpoint("PUT", "/agents/{slug}", change_agent, AgentDocument, AgentBody),
    Endpoint("DELETE", "/agents/{slug}", remove_agent, Removed, Nothing),
    Endpoint("GET", "/agents/{slug}/history", agent_history, AgentHistory),
    Endpoint("POST", "/agents/{slug}/enable", enable_agent, AgentDocument, Nothing),
    Endpoint("POST", "/agents/{slug}/disable", disable_agent, AgentDocument, Nothing),
)
