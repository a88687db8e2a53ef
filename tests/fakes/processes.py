"""Waiting for processes that are not our children."""

from __future__ import annotations

import asyncio
import os

WAIT_S = 20.0


async def wait_for_end(pid: int) -> None:
    """Return when the process has ended; raises TimeoutError after 20 s."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(WAIT_S):
            await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
