"""The TCP face as the daemon serves it: the application behind its door, by TLS if there is a certificate."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from agentvoice.config import HttpSettings
from agentvoice.services.call_manager import CallManager
from agentvoice.web.app import build_public_app
from agentvoice.web.desks import Desks
from agentvoice.web.door import build_door
from agentvoice.web.serving import serve_tcp
from agentvoice.web.tls import Certificates


async def serve_public(
    calls: CallManager,
    readiness: Callable[[], str],
    exposition: Callable[[], tuple[bytes, str]],
    settings: HttpSettings,
    desks: Desks,
    stack: AsyncExitStack,
) -> tuple[str, Certificates]:
    """Serve it until the stack is left; return its address, and what can renew its certificate.

    Raises ConfigError (an address that is taken, a certificate that is not usable).
    """
    certificates = Certificates(settings)
    door = build_door(desks.database, desks.clock, settings)
    app = build_public_app(calls, readiness, exposition, settings, desks, door)
    address = await serve_tcp(app, settings.host, settings.port, stack, certificates.context)
    return address, certificates
