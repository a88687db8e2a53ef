"""The long form: `python -m tests.publisher_kills [--points N] [--calls N] [--seed N]`."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.publisher_kills.run import Phase, kill_publishers

FEWEST = 3
"""A run of this length must hit each phase so often at least."""


def main() -> None:
    """Run it, print what was hit, and end with 1 if a phase was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.publisher_kills", description=__doc__)
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    sys.stdout.write(f"seed {options.seed}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(
            kill_publishers(Path(folder), options.points, options.calls, options.seed),
        )
    sys.stdout.write(f"{report.text()}\n")
    if missed := [phase.value for phase in Phase if report.phases[phase] < FEWEST]:
        sys.exit(f"hit fewer than {FEWEST} times: {missed}")


if __name__ == "__main__":
    main()
