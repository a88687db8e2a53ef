"""Run the benchmarks, or those that are named: `python -m tests.benchmarks [--json] [NAME …]`.

Each file `bench_<name>.py` here is one, with `run() -> rows`. The figures are judged against their
goals in words; the exit code is 0 unless a benchmark breaks.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import structlog

from tests.benchmarks.figures import Report, document, machine_load, table

PREFIX = "bench_"
NAMES = sorted(
    path.stem.removeprefix(PREFIX).replace("_", "-") for path in Path(__file__).parent.glob(f"{PREFIX}*.py")
)


def measure(name: str) -> Report:
    """Run one benchmark."""
    module = importlib.import_module(f"{__package__}.{PREFIX}{name.replace('-', '_')}")
    load_before = machine_load()
    rows = tuple(module.run())
    return Report(name, rows, load_before, machine_load())


def main() -> None:
    """Run what the command line names and print the table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"all unless named: {', '.join(NAMES)}")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(NAMES)):
        parser.error(f"got {', '.join(unknown)}, want {', '.join(NAMES)}")
    # A benchmark prints its figures alone: what it measures logs as if nobody listened.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    reports = []
    for name in options.names or NAMES:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        reports.append(measure(name))
    print(document(reports) if options.json else table(reports))


if __name__ == "__main__":
    main()
