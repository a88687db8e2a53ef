"""Where the applications are served: a TCP address, and the control socket of this user."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path
from ssl import SSLContext

from aiohttp import web

from agentvoice.errors import ConfigError, Refused

HTTP_SHUTDOWN_S = 5.0
"""How long open requests may take once the calls have been drained."""

IDLE_S = 75.0
"""How long a connection may be silent, or take to send a request's head. Longer than proxies keep theirs (nginx: 60 s);
left to aiohttp it would be an hour, and anybody could use up the files that this process may open.
"""

SOCKET_MODE = 0o600


async def serve_tcp(
    app: web.Application, host: str, port: int, stack: AsyncExitStack, tls: SSLContext | None = None
) -> str:
    """Serve `app` until the stack is left, by https with `tls`; return its address (port 0 takes a free one).

    Raises ConfigError if the address is taken.
    """
    runner = await _runner(app, stack)
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
    except OSError as error:
        raise ConfigError(f"http.port: got {port} on {host}, want a free one: {error}") from error
    host, port = runner.addresses[0][:2]
    return f"{'https' if tls else 'http'}://{host}:{port}"


async def serve_unix(app: web.Application, path: Path, stack: AsyncExitStack) -> None:
    """Serve `app` on a socket file that only this user may open. Raises Refused if it cannot be made."""
    _remove(path)  # a daemon that was killed left it; a live one would hold the home
    runner = await _runner(app, stack)
    before = os.umask(0o777 & ~SOCKET_MODE)  # no moment in which others could connect
    try:
        await web.UnixSite(runner, str(path)).start()
    except OSError as error:
        raise Refused(f"control socket: {path} cannot be made: {error.strerror or error}") from error
    finally:
        os.umask(before)
    stack.callback(_remove, path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _runner(app: web.Application, stack: AsyncExitStack) -> web.AppRunner:
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        shutdown_timeout=HTTP_SHUTDOWN_S,
        keepalive_timeout=IDLE_S,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner
