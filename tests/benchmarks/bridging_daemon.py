"""agentvoice as the bridge: a runtime with its call socket, and the provider named by the command line.

Run as a program with the provider's address, a data folder, a socket's path and the number of calls;
it prints a line when it serves.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import replace

import structlog
from aiohttp import web

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import CallSettings, Settings
from agentvoice.daemon import open_runtime
from agentvoice.storage import agents
from agentvoice.web.app import build_control_app
from tests.benchmarks.house import MANY_CALLS


def settings_of(url: str, home: str, calls: int) -> Settings:
    """Return settings for so many calls over the provider at `url`."""
    plain = Settings(home=home)
    openai = replace(plain.engines.openai, url=url, api_key="")
    return replace(
        plain,
        calls=CallSettings(max_calls=calls, warm_sessions=0, budgets=MANY_CALLS),
        engines=replace(plain.engines, openai=openai),
        relays=replace(plain.relays, embedded_port=0),
    )


async def main(url: str, home: str, path: str, calls: int) -> None:
    """Serve until the process is ended."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(open_runtime(settings_of(url, home, calls), SystemClock()))
        with runtime.database.writing() as session:
            ada = agents.get_agent(session, "ada").profile
            agents.update_agent(
                session, replace(ada, engines=("openai",), greeting=""), runtime.clock.utc_ms()
            )
        await runtime.start()
        runner = web.AppRunner(build_control_app(runtime.calls, runtime.missing), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.UnixSite(runner, path).start()
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
