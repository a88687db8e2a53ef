"""The TCP face as the daemon serves it: the application behind its door, by TLS if there is a certificate."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from agentvoice.config import HttpSettings, Settings
from agentvoice.services.call_manager import CallManager
from agentvoice.web.app import build_public_app
from agentvoice.web.desks import Desks
from agentvoice.web.door import build_door
from agentvoice.web.serving import serve_tcp
from agentvoice.web.tls import Certificates

Reload = Callable[[], Settings]
"""Return the settings as they are written now."""


async def serve_public(
    calls: CallManager,
    readiness: Callable[[], str],
    exposition: Callable[[], tuple[bytes, str]],
    settings: HttpSettings,
    desks: Desks,
    stack: AsyncExitStack,
) -> tuple[str, Callable[[Reload], Reload]]:
    """Serve it until the stack is left; return its address, and what adds to a reload of the settings:
    the certificate is read again before, the npubs that may sign in hold after.

    Raises ConfigError (an address that is taken, a certificate that is not usable).
    """
    certificates = Certificates(settings)
    door = build_door(desks.database, desks.clock, settings)
    app = build_public_app(calls, readiness, exposition, settings, desks, door)
    address = await serve_tcp(app, settings.host, settings.port, stack, certificates.context)

    def renewing(reload: Reload) -> Reload:
        renew = certificates.renewed_before(reload)

        def renew_all() -> Settings:
            found = renew()
            door.desk.use_settings(found.http.sign_in)
            return found

        return renew_all

    return address, renewing
