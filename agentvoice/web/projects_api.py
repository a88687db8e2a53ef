"""Projects over HTTP: the documents of `project list` and `show`, what callers see of them, changes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

import msgspec
from aiohttp import web

from agentvoice.core.project import Project, public_address
from agentvoice.protocols.admin import Nothing, Removed
from agentvoice.protocols.project_json import NewProject, ProjectChange, decode_changes
from agentvoice.web.clients import CLIENT, Scope
from agentvoice.web.endpoint import Endpoint, read_body
from agentvoice.web.keys import DESKS
from agentvoice.web.own_calls import sees_all

_HINTS = get_type_hints(Project)

FOR_CALLERS = ("slug", "title", "policy", "relays")
"""Fields that the call page needs: what a call may belong to, and what will be published where."""

_FOR_ADMINS = {
    **{
        field.name: _HINTS[field.name]
        for field in fields(Project)
        if field.name not in (*FOR_CALLERS, "budget_nano_usd_per_month")
    },
    "budget_usd_per_month": str | None,
    "npub": str,
}

ProjectDocument = msgspec.defstruct(
    "ProjectDocument",
    [
        *((name, _HINTS[name]) for name in FOR_CALLERS),
        *((name, kind | msgspec.UnsetType, msgspec.UNSET) for name, kind in _FOR_ADMINS.items()),
    ],
)
"""A project as it is answered; what is optional is left out with scope `call`."""


class ProjectList(msgspec.Struct):
    """All projects by slug."""

    projects: list[ProjectDocument]  # type: ignore[valid-type] # a class made from the project's fields


async def list_projects(request: web.Request) -> dict[str, Any]:
    """List the projects that the client may call; with scope `call`, what is published where and no more."""
    found = await request.app[DESKS].projects.list_projects()
    theirs = [each for each in found if request[CLIENT].may_call(each["slug"])]
    return {"projects": theirs if sees_all(request) else [for_caller(each) for each in theirs]}


def for_caller(project: dict[str, Any]) -> dict[str, Any]:
    """Return what callers need of a project's document: its relays without the tokens they may carry."""
    shown = {name: project[name] for name in FOR_CALLERS}
    return {**shown, "relays": [public_address(relay) for relay in shown["relays"]]}


async def show_project(request: web.Request) -> dict[str, Any]:
    """Show a project."""
    return await request.app[DESKS].projects.show(request.match_info["slug"])


async def add_project(request: web.Request) -> dict[str, Any]:
    """Add a project; it gets a key of its own, which signs the root, unless `pubkey` names another's."""
    body = await read_body(request, NewProject)
    return await request.app[DESKS].projects.add(body.slug, decode_changes(body))


async def edit_project(request: web.Request) -> dict[str, Any]:
    """Change what is given of a project, for calls to come; the rest stays."""
    body = await read_body(request, ProjectChange)
    return await request.app[DESKS].projects.edit(request.match_info["slug"], decode_changes(body))


async def remove_project(request: web.Request) -> Removed:
    """Remove a project; its calls and its key stay. Refused while a call of it is live or unpublished."""
    await read_body(request, Nothing)
    slug = request.match_info["slug"]
    await request.app[DESKS].projects.remove(slug)
    return Removed(slug)


ENDPOINTS = (
    Endpoint("GET", "/projects", list_projects, ProjectList, scope=Scope.CALL),
    Endpoint("POST", "/projects", add_project, ProjectDocument, NewProject),
    Endpoint("GET", "/projects/{slug}", show_project, ProjectDocument),
    Endpoint("PATCH", "/projects/{slug}", edit_project, ProjectDocument, ProjectChange),
    Endpoint("DELETE", "/projects/{slug}", remove_project, Removed, Nothing),
)
