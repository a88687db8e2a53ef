"""Plain text for people: aligned tables and readable times. No colours, so pipes and logs stay clean."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import click

GAP = "  "
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str, numbers: Collection[int] = ()
) -> str:
    """Return rows under their headers, columns aligned, those of `numbers` right; `empty` when there are none."""
    if not rows:
        return empty
    cells = [list(headers), *([one_line(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]
    return "\n".join(
        GAP.join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def fields(values: Mapping[str, object]) -> str:
    """Return names and values in two aligned columns; empty values are shown as `-`."""
    width = max(len(name) for name in values)
    return "\n".join(f"{name.ljust(width)}{GAP}{_shown(value)}" for name, value in values.items())


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return one_line(", ".join(str(part) for part in value), limit=1_000) or "-"
    return one_line(str(value)) if value not in ("", None) else "-"


def one_line(text: str, limit: int = 200) -> str:
    """Return `text` on one line, without control characters that a terminal would obey."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def paragraph(text: str) -> str:
    """Return text of several lines, without control characters that a terminal would obey."""
    return "\n".join(
        "".join(c if c.isprintable() else " " for c in line).rstrip() for line in text.splitlines()
    )


def moment(utc_ms: int) -> str:
    """Return a time as `2026-11-22 21:50:03Z`, `-` for not yet."""
    if not utc_ms:
        return "-"
    return (_EPOCH + timedelta(milliseconds=utc_ms)).strftime("%Y-%m-%d %H:%M:%SZ")


def duration(ms: int) -> str:
    """Return a length of time as `1:02:03` or `2:03`."""
    seconds = max(0, ms) // 1_000
    hours, rest = divmod(seconds, 3_600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def note(text: str) -> None:
    """Tell people something beside the result, on stderr."""
    click.echo(text, err=True)
