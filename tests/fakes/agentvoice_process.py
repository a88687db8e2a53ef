"""The program itself, as a user runs it: `agentvoice …` in processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 40.0
JOURNAL_PRIORITY = re.compile(rb"^<\d>")
END_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    exit_code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line on stderr that every refusal is; stdout is empty."""
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("agentvoice: ")
        return line.removeprefix("agentvoice: ")


@dataclass
class Program:
    """`agentvoice` with a home of its own; every port is a free one."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    """A command that runs the program, such as one that takes rights away."""

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home.parent),
            "AGENTVOICE_HOME": str(self.home),
            "AGENTVOICE_HTTP__PORT": "0",
            "AGENTVOICE_RELAYS__EMBEDDED_PORT": "0",
            "AGENTVOICE_LOG__FORMAT": "json",
            "XDG_CONFIG_HOME": str(self.home.parent / "config"),
            **self.environment,
        }

    async def spawn(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        """Start a command and leave it running."""
        return await asyncio.create_subprocess_exec(
            *(*self.prefix, sys.executable, "-m", "agentvoice", *arguments),
            env={**self._environment(), **environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str, stdin: str = "", seconds: float = END_TIMEOUT_S) -> Finished:
        """Run a command to its end."""
        process = await self.spawn(*arguments)
        async with asyncio.timeout(seconds):
            out, err = await process.communicate(stdin.encode())
        return Finished(process.returncode or 0, out.decode(), err.decode())

    async def must(self, *arguments: str, stdin: str = "") -> Finished:
        """Run a command that has to succeed."""
        finished = await self.run(*arguments, stdin=stdin)
        assert finished.exit_code == 0, finished.err
        return finished

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Daemon]:
        """Run `agentvoice serve` until the end of the block."""
        daemon = await self.start_daemon()
        try:
            yield daemon
        finally:
            await daemon.stop()

    async def start_daemon(self, *options: str) -> Daemon:
        """Run `agentvoice serve` and wait until it says READY=1, as systemd does."""
        path = self.home.parent / f"notify-{os.urandom(4).hex()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            notify.setblocking(False)
            process = await self.spawn("serve", *options, NOTIFY_SOCKET=str(path))
            daemon = Daemon(process)
            async with asyncio.timeout(START_TIMEOUT_S):
                await daemon.wait_ready(notify)
        return daemon


class Daemon:
    """A running daemon and its log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self._changed = asyncio.Condition()
        self._reader = asyncio.ensure_future(self._read_log())

    async def _read_log(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self._changed:
                try:
                    self.log.append(json.loads(JOURNAL_PRIORITY.sub(b"", line)))
                except ValueError:
                    self.log.append({"event": "not json", "line": line.decode(errors="replace")})
                self._changed.notify_all()

    async def wait_ready(self, notify: socket.socket) -> None:
        """Wait for READY=1, or fail with what the daemon said before it died."""
        loop = asyncio.get_running_loop()
        said = asyncio.ensure_future(loop.sock_recv(notify, 4096))
        ended = asyncio.ensure_future(self.process.wait())
        await asyncio.wait({said, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not said.done():
            said.cancel()
            await self._reader
            raise AssertionError(f"the daemon ended: {self.log}")
        ended.cancel()
        assert b"READY=1" in said.result()

    async def logged(self, event: str, seconds: float = END_TIMEOUT_S) -> dict[str, Any]:
        """Wait for a log line of this event and return it."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: any(line.get("event") == event for line in self.log))
        return next(line for line in self.log if line.get("event") == event)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit code (negative: killed)."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(END_TIMEOUT_S):
            code = await self.process.wait()
        await self._reader
        self.process._transport.close()  # type: ignore[attr-defined] # asyncio closes its pipes only when the loop ends
        return code
