"""Run the benchmarks: all of them, or those named (`make bench ARGS="storage"`)."""

import importlib
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))

wanted = sys.argv[1:] or NAMES
if unknown := set(wanted) - set(NAMES):
    sys.exit(f"benchmark: got {', '.join(sorted(unknown))}, want {', '.join(NAMES)}")
for name in wanted:
    print(f"== {name}", flush=True)
    importlib.import_module(f"bench.{name}").main()
