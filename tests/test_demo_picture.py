"""The picture of a demo run: all of its text, in a file that any browser draws."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from tools import demo_picture

PICTURE = Path(__file__).parents[1] / "docs" / "assets" / "demo.svg"
TEXT = "{http://www.w3.org/2000/svg}text"


def rows(svg: str) -> list[str]:
    return [row.text or "" for row in ElementTree.fromstring(svg).iter(TEXT)]


def test_every_line_is_drawn_as_it_is():
    """Nothing of the terminal's text is lost or changed, signs of XML included."""
    lines = ["you: 1 < 2 & 3 > 2", "  ├─ 0a  accepted", "verified   read back"]
    assert rows(demo_picture.draw_picture("\n".join(lines))) == ["$ make demo", *lines]


def test_a_wide_line_is_folded():
    """A link stays whole over several rows, each within the picture."""
    line = "link       nostr:" + "q" * 300
    drawn = rows(demo_picture.draw_picture(line))[1:]
    assert max(map(len, drawn)) <= demo_picture.COLUMNS
    assert "".join([drawn[0], *(row[11:] for row in drawn[1:])]) == line


def test_the_picture_shows_a_run_that_passed():
    """The picture in the docs is of a call with two agents whose thread was verified."""
    text = "\n".join(rows(PICTURE.read_text(encoding="utf-8")))
    assert re.search(r"^verified +read back from the relay", text, flags=re.M)
    assert {"signed by ada", "signed by max"} <= set(re.findall(r"signed by (?:ada|max)", text))
    assert not re.search(r"^problem ", text, flags=re.M)


def test_the_picture_asks_no_other_host_for_anything():
    """It is shown on pages that must open without a network."""
    svg = PICTURE.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "://" not in re.sub(r"<text[^>]*>[^<]*</text>", "", svg)
    assert "<script" not in svg
