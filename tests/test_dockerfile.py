"""The container image: its recipe passes a linter, runs unprivileged and names what exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "docker/Dockerfile"


def test_hadolint_finds_nothing():
    """The linter of Dockerfiles is content."""
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_daemon_runs_unprivileged():
    """The last stage gives up root, by number so that any host can tell, and runs the daemon."""
    last_stage = DOCKERFILE.read_text().split("\nFROM ")[-1]
    assert re.findall(r"^USER (\S+)", last_stage, re.MULTILINE) == ["8420"]
    assert 'ENTRYPOINT ["agentvoice"]\nCMD ["serve"]' in last_stage


def test_copied_files_exist_and_are_not_ignored():
    """What COPY names is in the tree, and .dockerignore lets it through."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    names = [name for line in copied for name in line.split() if name != "."]
    kept = set((ROOT / ".dockerignore").read_text().splitlines())
    assert names and [name for name in names if not (ROOT / name).exists() or f"!{name}" not in kept] == []
