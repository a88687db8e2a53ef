"""The state tables of the architecture page are those of the code."""

from __future__ import annotations

from enum import StrEnum

import pytest

from tools import draw_states


class Door(StrEnum):
    OPEN = "open"
    SHUT = "shut"


class Push(StrEnum):
    PUSHED = "pushed"
    LOCKED = "locked"


def test_the_page_shows_the_tables_of_the_code():
    """Drawing the tables again changes nothing; if this fails, run `python tools/draw_states.py`."""
    page = draw_states.PAGE.read_text(encoding="utf-8")
    assert draw_states.draw_into(page) == page


@pytest.mark.parametrize("name", draw_states.MACHINES)
def test_a_stale_table_is_seen(name: str):
    """A cell that says something else is drawn anew."""
    page = draw_states.PAGE.read_text(encoding="utf-8")
    start = page.index(f"<!-- states: {name} -->")
    stale = page[:start] + page[start:].replace("| event |", "| occasion |", 1)
    assert stale != page and draw_states.draw_into(stale) == page


def test_refused_steps_are_shown_as_refused():
    """Every event has a row and every state a column, also where the table has no entry."""
    machine: draw_states.Machine = {Door.OPEN: {Push.PUSHED: Door.SHUT}, Door.SHUT: {}}
    assert draw_states.draw_machine(machine).splitlines() == [
        "| event | **open** | **shut** |",
        "| --- | --- | --- |",
        "| `pushed` | shut | · |",
        "| `locked` | · | · |",
    ]


def test_a_page_without_marks_is_refused():
    """A mark that went missing is named, so that a table is not lost unseen."""
    with pytest.raises(ValueError, match="states: call"):
        draw_states.draw_into("# Architecture\n")
