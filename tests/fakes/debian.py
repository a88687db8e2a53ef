"""Programs of Debian that the tests run and nobody has to install."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "tools" / "unpacked.sh"


def find_program(package: str, program: str) -> str:
    """Return its path; the first time it is fetched, if the system has none."""
    command = [str(SCRIPT), package, program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
