"""A live call on a terminal: the transcript scrolls, below it one line says what the call does.

    hearing  [######----]  Ada: That is easy, you take the first

The line is drawn again by each change and five times a second by the microphone's level; it is
never wider than the terminal. Nothing here knows a clock: blocks of sound are the time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from agentvoice.adapters.live_transcript import CALLER_NAME, LiveTranscript
from agentvoice.cli.output import one_line
from agentvoice.core.audio import FRAME_MS
from agentvoice.core.item import Item, ItemKind, Role
from agentvoice.core.leg import AgentChanged, CallStatus, CallUpdate, ItemChanged, StatusChanged
from agentvoice.core.level import SILENCE_DB, meter_share

REDRAW_BLOCKS = 200 // FRAME_MS
"""The meter is drawn five times a second: often enough to be seen moving, rare enough for any line."""
WIDE_COLUMNS = 60
"""From so many columns on the meter has its full length."""
METER_CELLS, SHORT_METER_CELLS = 10, 4
STATUS_CELLS = max(len(status.value) for status in CallStatus)
CLOSED, SHORT_CLOSED = "mic off", "off"

ERASE_LINE = "\r\x1b[K"
GREEN, DIM, RESET = "\x1b[32m", "\x1b[2m", "\x1b[0m"
_COLOURS = re.compile(r"\x1b\[\d*m")


class CallScreen:
    """Give `show` to a leg as `on_update`, `level` as `on_level`.

    `write` takes text as it is, `columns` returns the terminal's width; `hint` is shown while
    nobody is heard; `close` leaves the cursor at the beginning of an empty line.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        columns: Callable[[], int],
        *,
        hint: str = "",
        colours: bool = False,
    ) -> None:
        self._write = write
        self._columns = columns
        self._hint = hint
        self._colours = colours
        self._transcript = LiveTranscript(self.write_line)
        self._names: dict[str, str] = {}
        self._status = CallStatus.CONNECTING
        self._said = ""
        self._level = SILENCE_DB
        self._is_open = True  # the microphone
        self._blocks = 0
        self._is_closed = False

    def show(self, update: CallUpdate) -> None:
        """Show what happened."""
        match update:
            case StatusChanged(status):
                self._status = status
                if status in (CallStatus.LISTENING, CallStatus.ENDED):
                    self._said = ""
            case AgentChanged(slug, name):
                self._names[slug] = name
            case ItemChanged(item) if item.kind is ItemKind.MESSAGE:
                self._said = "" if item.is_finished else self._line_of(item)
            case _:
                pass
        self._transcript(update)
        self._draw()

    def level(self, level: float, is_open: bool) -> None:
        """Note the level of a block of the microphone; the loudest of some is shown."""
        has_turned = is_open is not self._is_open
        self._level, self._is_open = max(level, self._level), is_open
        self._blocks += 1
        if has_turned or self._blocks >= REDRAW_BLOCKS:
            self._draw()
            self._blocks, self._level = 0, SILENCE_DB

    def write_line(self, line: str) -> None:
        """Put a line above the drawn one."""
        self._write(f"{ERASE_LINE}{line}\n")
        self._draw()

    def close(self) -> None:
        """Take the drawn line away, and draw no more."""
        if not self._is_closed:
            self._is_closed = True
            self._write(ERASE_LINE)

    def _draw(self) -> None:
        if not self._is_closed:
            columns = self._columns() - 1  # a full last column makes some terminals begin a new line
            self._write(ERASE_LINE + clipped(self._drawn_line(columns), columns))

    def _drawn_line(self, columns: int) -> str:
        status = self._status.value.ljust(STATUS_CELLS)
        cells = METER_CELLS if columns >= WIDE_COLUMNS else SHORT_METER_CELLS
        meter = self._meter(cells)
        before = STATUS_CELLS + cells + len("[]") + 4  # four spaces
        if self._said:
            text = tail(self._said, columns - before)
        else:
            text = self._coloured(DIM, self._hint)
        return f"{status}  {meter}  {text}"

    def _meter(self, cells: int) -> str:
        if not self._is_open:
            return f"[{(CLOSED if cells >= METER_CELLS else SHORT_CLOSED).center(cells)}]"
        full = round(meter_share(self._level) * cells)
        return f"[{self._coloured(GREEN, '#' * full)}{'-' * (cells - full)}]"

    def _coloured(self, colour: str, text: str) -> str:
        return f"{colour}{text}{RESET}" if self._colours and text else text

    def _line_of(self, item: Item) -> str:
        name = CALLER_NAME if item.role is Role.USER else self._names.get(item.agent, item.agent)
        return one_line(f"{name}: {item.text}", limit=10_000) if item.text else ""


def cell_width(character: str) -> int:
    """Return how many columns a character takes: 2 for wide ones, 0 for marks that join the one before."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def clipped(line: str, columns: int) -> str:
    """Return the beginning of `line` that fits; colours take no room, and the last one is ended."""
    kept: list[str] = []
    left, position = columns, 0
    while position < len(line):
        colour = _COLOURS.match(line, position)
        if colour:
            kept.append(colour[0])
            position = colour.end()
            continue
        left -= cell_width(line[position])
        if left < 0:
            return "".join(kept) + (RESET if "\x1b" in line else "")
        kept.append(line[position])
        position += 1
    return line


def tail(text: str, columns: int) -> str:
    """Return the end of `text` that fits: what is being said now."""
    if sum(map(cell_width, text)) <= columns:
        return text
    kept, left = "", columns - 1
    for character in reversed(text):
        left -= cell_width(character)
        if left < 0:
            break
        kept = character + kept
    return "…" + kept
