"""Plain text for people."""

from __future__ import annotations

from agentvoice.cli.output import duration, fields, moment, one_line, paragraph, table


def test_columns_are_aligned():
    """Each column begins where its header does, whatever the widths."""
    lines = table(("A", "LONG"), [("x", 1), ("wide cell", "y")], empty="none").splitlines()
    assert lines == ["A          LONG", "x          1", "wide cell  y"]
    assert table(("A",), [], empty="none") == "none"


def test_names_and_values_are_aligned():
    """Empty values show as a dash, lists with commas, flags as words."""
    text = fields({"a": "", "name": ("x", "y"), "on": True, "off": False, "none": None, "empty": ()})
    assert text.splitlines() == ["a      -", "name   x, y", "on     yes", "off    no", "none   -", "empty  -"]


def test_text_from_outside_cannot_steer_the_terminal():
    """Escape sequences and direction marks become blanks; lines stay lines only in paragraphs."""
    assert one_line("a\x1b[2Jb\nc\u202ed") == "a [2Jb c d"
    assert paragraph("a\x07\nb\u2028c") == "a\nb\nc"
    assert one_line("x" * 300, limit=10) == "x" * 9 + "…"


def test_times_are_readable():
    """Times are UTC and say so; lengths are minutes and seconds."""
    assert moment(1_700_000_000_999) == "2023-11-14 22:13:20Z"
    assert moment(0) == "-"
    assert (duration(65_999), duration(3_600_000), duration(-1)) == ("1:05", "1:00:00", "0:00")
