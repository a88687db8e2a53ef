"""The built documentation: opens without a network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What a browser fetches by itself; links to follow (<a href>) are the reader's choice.
FETCHED = re.compile(
    r"""(?:<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=|@import\s|url\()["']?(?:https?:)?//[^"')\s>]+"""
)
# Names, not addresses that are fetched: where this page would live.
NOT_FETCHED = re.compile(r"""<link rel=["']?canonical""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation, built strictly: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "properdocs", "build", "--strict", "--quiet"]
    command += ["--config-file", str(ROOT / "properdocs.yml"), "--site-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_pages_fetch_nothing_from_other_hosts(site: Path):
    """Scripts, styles, fonts and images all come with the pages."""
    pages = [path for path in site.rglob("*") if path.suffix in {".html", ".css"}]
    fetched = {
        found.group()
        for page in pages
        for found in FETCHED.finditer(page.read_text())
        if not NOT_FETCHED.match(found.group())
    }
    assert len(pages) > 5 and fetched == set()


def test_the_four_kinds_of_pages_come_in_reading_order(site: Path):
    """Tutorial, how-to, reference, explanation: the order in which a newcomer needs them."""
    page = (site / "index.html").read_text()
    places = [page.index(f"{kind}/index.html") for kind in ("tutorial", "howto", "reference", "explanation")]
    assert places == sorted(places)
