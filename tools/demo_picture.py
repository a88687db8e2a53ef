"""Draws a run of the demo as a picture: terminal text in, SVG out.

    make demo 2>&1 | tee run.txt
    python tools/demo_picture.py < run.txt > docs/assets/demo.svg

The text is drawn as it is, but for two things: lines wider than the picture are folded, and your home
folder becomes ~.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

COMMAND = "$ make demo"
COLUMNS = 96
CHAR_PX = 7.8
LINE_PX = 18
FONT_PX = 13
MARGIN_PX = 18
BAR_PX = 32
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

PAPER, INK, FAINT = "#14171f", "#d6dae3", "#8b93a3"
STYLES = (
    (re.compile(r"^\$ "), "#ffffff"),
    (re.compile(r"^you: "), "#8fc7ff"),
    (re.compile(r"^(— .* —|verified +read back)"), "#9fe0a0"),
    (re.compile(r"^(problem|verified +NO)"), "#ff9a8f"),
    (re.compile(r"^\w+: "), "#ffd28a"),
    (re.compile(r"^(thread|  [├└]─)"), FAINT),
)
"""The first that matches gives a line its colour."""


def fold(line: str) -> Iterator[str]:
    """Yield `line` in pieces that fit; the pieces after the first are set in."""
    yield line[:COLUMNS]
    rest, room = line[COLUMNS:], COLUMNS - 11
    while rest:
        yield " " * 11 + rest[:room]
        rest = rest[room:]


def colour_of(line: str) -> str:
    """Return the colour of a line."""
    return next((colour for style, colour in STYLES if style.search(line)), INK)


def draw_picture(text: str) -> str:
    """Return the terminal with `text` in it, as SVG that needs no font and no script of others."""
    lines = [COMMAND, *text.expandtabs().strip("\n").splitlines()]
    rows = [(piece, colour_of(line)) for line in lines for piece in fold(line.rstrip())]
    width = round(COLUMNS * CHAR_PX) + 2 * MARGIN_PX
    height = BAR_PX + len(rows) * LINE_PX + 2 * MARGIN_PX
    top = BAR_PX + MARGIN_PX + FONT_PX
    drawn = "\n".join(
        f'<text x="{MARGIN_PX}" y="{top + number * LINE_PX}" fill="{colour}">{escape(row, quote=False)}</text>'
        for number, (row, colour) in enumerate(rows)
        if row
    )
    dots = "".join(f'<circle cx="{MARGIN_PX + 2 + 18 * n}" cy="{BAR_PX // 2}" r="5"/>' for n in range(3))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="A run of make demo in a terminal">\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>\n'
        f'<g fill="#3c4250">{dots}</g>\n'
        f'<g font-family="{FONT}" font-size="{FONT_PX}" xml:space="preserve">\n{drawn}\n</g>\n</svg>\n'
    )


if __name__ == "__main__":
    sys.stdout.write(draw_picture(sys.stdin.read().replace(str(Path.home()), "~")))
