from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import agentvoice
from agentvoice.config.bundled import bundled_folder


def test_in_a_checkout_the_folder_stands_beside_the_package(root: Path):
    """The migrations of the checkout are the ones that are edited there."""
    assert bundled_folder("migrations") == root / "migrations"
    assert (bundled_folder("migrations") / "env.py").is_file()


def test_an_installed_package_carries_its_folders(tmp_path: Path):
    """What lies in the package's _bundled folder goes before what lies beside it."""
    package = Path(agentvoice.__file__).parent
    for name in ("__init__.py", "config/bundled.py"):
        copy = tmp_path / "agentvoice" / name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text((package / name).read_text())
    (tmp_path / "migrations").mkdir()
    carried = tmp_path / "agentvoice" / "_bundled" / "migrations"
    code = "from agentvoice.config.bundled import bundled_folder; print(bundled_folder('migrations'))"
    found = []
    for make in (lambda: None, lambda: carried.mkdir(parents=True)):
        make()
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        found.append(Path(done.stdout.strip()))
    assert found == [tmp_path / "migrations", carried]
