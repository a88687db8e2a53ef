"""The floors hold, and what would break them is caught: each case plants one wrong import in a copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

DOWN = "Imports only go down"
PURE = "Core, protocols and errors do no I/O, keep no clock, draw no random numbers"
PORTS = "Services meet networks and devices only through core.ports"
FORMATS = "Wire formats do not know each other"
TABLES = "Tables stay inside storage"
SQL = "SQLAlchemy stays inside storage"

# (file to plant, what it imports, the contract that must break)
PLANTED = [
    ("core/planted.py", "asyncio", PURE),
    ("core/planted.py", "time", PURE),
    ("core/planted.py", "random", PURE),
    ("protocols/planted.py", "pathlib", PURE),
    ("core/planted.py", "agentvoice.config", DOWN),
    ("protocols/planted.py", "agentvoice.config", DOWN),
    ("config_planted/planted.py", "agentvoice.core", DOWN),
    ("adapters/planted.py", "agentvoice.storage.planted_table", DOWN),
    ("storage/planted.py", "agentvoice.adapters.planted_device", DOWN),
    ("adapters/planted.py", "agentvoice.services.planted_service", DOWN),
    ("services/planted.py", "agentvoice.web.planted_page", DOWN),
    ("services/planted.py", "agentvoice.cli.planted_command", DOWN),
    ("services/planted.py", "agentvoice.adapters.planted_device", PORTS),
    ("services/planted.py", "websockets", PORTS),
    ("services/planted.py", "aiohttp", PORTS),
    ("protocols/planted/wire.py", "agentvoice.protocols.planted_other", FORMATS),
    ("services/planted.py", "agentvoice.storage.models", TABLES),
    ("cli/planted.py", "agentvoice.storage.models", TABLES),
    ("web/planted.py", "sqlalchemy", SQL),
    ("services/planted.py", "sqlalchemy", SQL),
    ("core/planted.py", "sqlalchemy", SQL),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and of its contracts."""
    unwanted = shutil.ignore_patterns("__pycache__", "static")
    shutil.copytree(ROOT / "agentvoice", tmp_path / "agentvoice", ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(module: Path, code: str = "") -> None:
    """Write a module where none is, and make a package of each folder above it."""
    module.parent.mkdir(parents=True, exist_ok=True)
    folder = module.parent
    while folder.name != "agentvoice":
        (folder / "__init__.py").touch()
        folder = folder.parent
    if code or not (module.exists() or module.with_suffix("").is_dir()):
        module.write_text(code)


def broken_contracts(tree: Path) -> set[str]:
    """The names of the contracts that the package in `tree` breaks."""
    done = subprocess.run(
        [LINT_IMPORTS, "--no-logo", "--no-cache"],
        cwd=tree,
        env={**os.environ, "COLUMNS": "200"},  # or long names are broken over two lines
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    verdicts = re.findall(r"^(.+) (KEPT|BROKEN)(?: \(.*\))?$", done.stdout, re.MULTILINE)
    broken = {name for name, verdict in verdicts if verdict == "BROKEN"}
    kept = {name for name, verdict in verdicts if verdict == "KEPT"}
    assert broken | kept == {DOWN, PURE, PORTS, FORMATS, TABLES, SQL}, done.stdout + done.stderr
    assert (done.returncode == 0) == (not broken)
    return broken


def test_the_tree_keeps_every_contract():
    """Nothing in agentvoice imports upwards, sideways or past its port."""
    assert broken_contracts(ROOT) == set()


@pytest.mark.parametrize(("module", "imported", "contract"), PLANTED)
def test_a_wrong_import_breaks_its_contract(copy: Path, module: str, imported: str, contract: str):
    """One import that goes where it may not is reported under the contract that forbids it."""
    if imported.startswith("agentvoice."):
        plant(copy / (imported.replace(".", "/") + ".py"))
    plant(copy / "agentvoice" / module, f"import {imported}\n")
    assert contract in broken_contracts(copy)
