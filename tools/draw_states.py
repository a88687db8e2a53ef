"""Draws the state machines of the code as tables into docs/explanation/architecture.md.

`python tools/draw_states.py` writes them; `draw_into` gives the page's text, and a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from agentvoice.core import call, delivery, turn_taking  # noqa: E402  the checkout's own package

PAGE = TOP / "docs" / "explanation" / "architecture.md"
REFUSED = "·"
END = "<!-- end of states -->"

Machine = Mapping[Any, Mapping[Any, StrEnum]]
"""Of each state, the state after each event that is possible in it."""

MACHINES: dict[str, Machine] = {
    "call": call.TRANSITIONS,
    "turn": turn_taking.TURNS,
    "delivery": delivery.TRANSITIONS,
}


def draw_machine(machine: Machine) -> str:
    """Return a machine as a Markdown table: a row for each event, a column for each state."""
    events = type(next(event for moves in machine.values() for event in moves))
    rows = [["event", *(f"**{state}**" for state in machine)], ["---"] * (len(machine) + 1)]
    rows += [[f"`{event}`", *(moves.get(event, REFUSED) for moves in machine.values())] for event in events]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def draw_into(page: str) -> str:
    """Return `page` with each machine between its marks; raises ValueError where one is missing."""
    for name, machine in MACHINES.items():
        mark = f"<!-- states: {name} -->"
        before, begin, rest = page.partition(mark)
        _, end, after = rest.partition(END)
        if not begin or not end:
            raise ValueError(f"{PAGE.name}: want `{mark}` and after it `{END}`")
        page = f"{before}{begin}\n\n{draw_machine(machine)}\n\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(draw_into(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
