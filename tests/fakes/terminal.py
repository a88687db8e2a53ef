"""A real pseudo-terminal with a person before it: `agentvoice` runs on it as in any shell."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SHOW_TIMEOUT_S = 30.0


class Terminal:
    """Types keys, and sees what is shown."""

    def __init__(self, person: int, program: int) -> None:
        self._person = person
        self.program = program
        self.shown = ""
        self._changed = asyncio.Event()

    def modes(self) -> list[object]:
        """The modes that the program sees."""
        return termios.tcgetattr(self.program)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._person, keys)

    async def shows(self, text: str) -> None:
        """Wait until the text has been shown; what was shown up to it is then forgotten."""
        try:
            async with asyncio.timeout(SHOW_TIMEOUT_S):
                while text not in self.shown:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"want {text!r}, shown was {self.shown[-2_000:]!r}") from None
        self.shown = self.shown.partition(text)[2]

    def read(self) -> None:
        """Take what the program has written."""
        self.shown += os.read(self._person, 1 << 16).decode(errors="replace")
        self._changed.set()


@asynccontextmanager
async def terminal(columns: int = 100) -> AsyncIterator[Terminal]:
    """Open a pseudo-terminal of this width."""
    person, program = pty.openpty()
    fcntl.ioctl(program, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    made = Terminal(person, program)
    loop = asyncio.get_running_loop()
    loop.add_reader(person, made.read)
    try:
        yield made
    finally:
        loop.remove_reader(person)
        os.close(program)
        os.close(person)
