"""What the application's handlers find in it: set once by `web.app`, read by handlers."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from agentvoice.services.call_manager import CallManager
from agentvoice.services.held_calls import HeldCalls
from agentvoice.services.presence import Presence
from agentvoice.web.desks import Desks
from agentvoice.web.door import Door

CALLS = web.AppKey("calls", CallManager)
HELD = web.AppKey("held", HeldCalls)
PRESENCE = web.AppKey("presence", Presence)
DESKS = web.AppKey("desks", Desks)
DOOR = web.AppKey("door", Door)
READINESS: web.AppKey[Callable[[], str]] = web.AppKey("readiness", Callable)  # type: ignore[arg-type] # aiohttp wants a class; a callable has none to name
"""Returns what is missing before calls can be taken, "" for nothing."""

EXPOSITION: web.AppKey[Callable[[], tuple[bytes, str]]] = web.AppKey("exposition", Callable)  # type: ignore[arg-type] # as above
"""Returns the metrics as text, and its content type."""
