"""Projects over HTTP: the documents of `project list`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

import msgspec
from aiohttp import web

from agentvoice.core.project import Project
from agentvoice.web.clients import CLIENT, Scope
from agentvoice.web.endpoint import Endpoint
from agentvoice.web.keys import DESKS

_HINTS = get_type_hints(Project)

ProjectDocument = msgspec.defstruct(
    "ProjectDocument",
    [
        *(
            (field.name, _HINTS[field.name])
            for field in fields(Project)
            if field.name != "budget_nano_usd_per_month"
        ),
        ("budget_usd_per_month", str | None),
        ("npub", str),
    ],
)
"""A project as it is answered."""


class ProjectList(msgspec.Struct):
    """All projects by slug."""

    projects: list[ProjectDocument]  # type: ignore[valid-type] # a class made from the project's fields


async def list_projects(request: web.Request) -> dict[str, Any]:
    """List the projects that the client may call."""
    found = await request.app[DESKS].agents.list_projects()
    return {"projects": [each for each in found if request[CLIENT].may_call(each["slug"])]}


ENDPOINTS = (Endpoint("GET", "/projects", list_projects, ProjectList, scope=Scope.CALL),)
