"""Which calls a client may see and act on: the one place that decides it.

With scope `admin` all of them, else those that it made itself. Whose a call is, is stored with it: a
token's (by its id, whatever it is called), an npub's, or this machine's user's. A browser's cookie stands
for the token or the npub that it signed in by, so the next cookie sees the same calls.

Every address with `{call}` in it comes through here before its handler (web.endpoint), so that none can
forget to ask. A call of somebody else is answered like one that is not there.
"""

from __future__ import annotations

from aiohttp import web

from agentvoice.web.clients import CLIENT, Scope
from agentvoice.web.keys import DESKS

CALL = web.RequestKey("call", str)
"""Where the id of the call that an address names stands in a request; to an admin it may be `last`."""


def sees_all(request: web.Request) -> bool:
    """Whether the client may see and change everything."""
    return Scope.ADMIN in request[CLIENT].scopes


def whose_calls(request: web.Request) -> str | None:
    """Return the caller whose calls are all that the client may see; None for all calls."""
    return None if sees_all(request) else request[CLIENT].caller


async def find_call(request: web.Request) -> str:
    """Return the id of the call that the address names; `last` is the client's own newest.

    Raises NotFound for a call that is not the client's, if it may see no others.
    """
    name, caller = request.match_info["call"], whose_calls(request)
    return name if caller is None else await request.app[DESKS].calls.find_own(name, caller)
