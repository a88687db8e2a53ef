"""Where a call of the CLI runs: in the daemon if one answers, else in this process.

Either way the CLI owns files and sound devices, and publishes with the same services: claims in
the database keep two processes from doing the same.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agentvoice.adapters.daemon_client import DaemonClient
from agentvoice.config import Settings
from agentvoice.core.ports import CallerLeg, Clock
from agentvoice.daemon import Runtime, open_runtime
from agentvoice.protocols.callpage import Start
from agentvoice.services.call_manager import CallRequest

HANG_UP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The interrupt key, a polite end from outside, a terminal that was closed."""


@dataclass(frozen=True, slots=True)
class EndedCall:
    """A call that was run; `error` is why it failed, "" if it did not."""

    id: str
    reason: str
    error: str = ""


class CallHouse:
    """Runs calls of this process's legs."""

    def __init__(self, runtime: Runtime, daemon: DaemonClient | None) -> None:
        self.runtime = runtime
        self._daemon = daemon

    @property
    def is_daemon(self) -> bool:
        """Whether calls run in a daemon."""
        return self._daemon is not None

    async def run(
        self, request: CallRequest, leg: CallerLeg, started: Callable[[str], None] = lambda call: None
    ) -> EndedCall:
        """Run a call to its end; the interrupt key, or a closed terminal, hangs up instead of killing the process.

        Raises what there is no call for: NotFound, Refused, or a lost daemon.
        """
        loop = asyncio.get_running_loop()
        hanging_up: list[asyncio.Task[None]] = []
        heeded = [each for each in HANG_UP_SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
        for number in heeded:  # what nohup or a shell told to ignore stays ignored
            loop.add_signal_handler(
                number, lambda: hanging_up.append(loop.create_task(leg.close(), name="hang up"))
            )
        try:
            return await self._run(request, leg, started)
        finally:
            for number in heeded:
                loop.remove_signal_handler(number)
            await asyncio.gather(*hanging_up)

    async def _run(self, request: CallRequest, leg: CallerLeg, started: Callable[[str], None]) -> EndedCall:
        if self._daemon is None:
            outcome = await self.runtime.calls.run(request, leg, started)
            return EndedCall(outcome.call_id, outcome.reason.value, str(outcome.error or ""))
        start = Start(
            agent=request.agent, project=request.project, engine=request.engine, transport=leg.transport
        )
        ended = await self._daemon.run_call(start, leg, started)
        return EndedCall(ended.call, ended.reason, ended.error)


@asynccontextmanager
async def open_call_house(
    settings: Settings, clock: Clock, *, create: bool = False
) -> AsyncIterator[CallHouse]:
    """Find the daemon, or make this process able to run calls."""
    daemon = DaemonClient(settings.control_socket)
    async with open_runtime(settings, clock, create=create, upgrade=create) as runtime:
        if await daemon.is_up():
            yield CallHouse(runtime, daemon)
        else:
            await runtime.start()
            yield CallHouse(runtime, None)
