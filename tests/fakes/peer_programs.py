"""Servers that nobody here wrote, run as programs of their own until a test is over."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0


@asynccontextmanager
async def peer_program(
    *command: str | Path, says: re.Pattern[bytes], folder: Path, **environment: str
) -> AsyncIterator[str]:
    """Run it in `folder`; gives the first group of `says`, once it has said so."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            found = await _wait_for(says, process.stdout)
        rest = asyncio.create_task(process.stdout.read())  # a full pipe would stop it
        try:
            yield found
        finally:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await rest
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _wait_for(pattern: re.Pattern[bytes], output: asyncio.StreamReader) -> str:
    said = b""
    async for line in output:
        said += line
        found = pattern.search(line)
        if found:
            return found[1].decode()
    raise AssertionError(f"the program did not start: {said.decode()}")
