"""How a call that the CLI starts is shown: drawn on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TextIO

from agentvoice.adapters.live_transcript import LiveTranscript
from agentvoice.cli.call_screen import CallScreen
from agentvoice.cli.output import note
from agentvoice.core.leg import AgentChanged, CallUpdate

USUAL_COLUMNS = 80
"""For a terminal that does not tell its width."""


class CallDisplay:
    """What a leg and the command show; without a screen, each finished turn is a line."""

    def __init__(self, screen: CallScreen | None = None) -> None:
        self.agent = ""
        """The slug of who is on the call now."""
        self.say = screen.write_line if screen is not None else note
        """Shows a line beside the transcript."""
        self.on_level = screen.level if screen is not None else None
        """Takes the microphone's level, if it is shown."""
        self._show: Callable[[CallUpdate], None] = screen.show if screen is not None else LiveTranscript(note)

    def show(self, update: CallUpdate) -> None:
        """Show what happened."""
        if isinstance(update, AgentChanged):
            self.agent = update.slug
        self._show(update)


@contextmanager
def open_display(hint: str, *, is_spoken: bool) -> Iterator[CallDisplay]:
    """Give a display on standard error; a call that is not spoken needs no meter, and gets lines."""
    if not (is_spoken and can_draw(sys.stderr, os.environ)):
        yield CallDisplay()
        return
    stderr = sys.stderr
    colours = not os.environ.get("NO_COLOR")
    screen = CallScreen(
        lambda text: _write(stderr, text), lambda: _columns(stderr), hint=hint, colours=colours
    )
    try:
        yield CallDisplay(screen)
    finally:
        screen.close()


def can_draw(file: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the file is a terminal whose cursor can be moved."""
    return file.isatty() and environ.get("TERM", "dumb") != "dumb"


def _columns(terminal: TextIO) -> int:
    try:
        return os.get_terminal_size(terminal.fileno()).columns or USUAL_COLUMNS
    except OSError:
        return USUAL_COLUMNS


def _write(terminal: TextIO, text: str) -> None:
    with suppress(OSError):  # a terminal that was closed hangs the call up by a signal, not from here
        terminal.write(text)
        terminal.flush()
