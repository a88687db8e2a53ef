"""The table of the API: everything below `/api/v1`."""

from __future__ import annotations

from functools import cache
from typing import Any

from aiohttp import web

from agentvoice.web import (
    agents_api,
    calls_api,
    events_api,
    me_api,
    projects_api,
    publications_api,
    sign_in_api,
    usage_api,
)
from agentvoice.web.clients import Scope
from agentvoice.web.endpoint import Endpoint
from agentvoice.web.openapi import build_openapi


async def show_openapi(request: web.Request) -> dict[str, Any]:
    """Describe the API: this document."""
    return describe_api()


LIVE_ENDPOINTS = (
    *calls_api.LIVE_ENDPOINTS,
    *me_api.ENDPOINTS,
    Endpoint("GET", "/openapi.json", show_openapi, dict, scope=Scope.CALL),
)
"""What needs live calls alone."""

DESK_ENDPOINTS = (
    *projects_api.ENDPOINTS,
    *agents_api.ENDPOINTS,
    *calls_api.ENDPOINTS,
    *publications_api.ENDPOINTS,
    *usage_api.ENDPOINTS,
    *events_api.ENDPOINTS,
)
"""What reads and changes the database."""

DOOR_ENDPOINTS = sign_in_api.ENDPOINTS
"""What TCP alone has: on the control socket nobody need sign in."""

ENDPOINTS = (*DESK_ENDPOINTS, *LIVE_ENDPOINTS, *DOOR_ENDPOINTS)


@cache
def describe_api() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return build_openapi(ENDPOINTS)
