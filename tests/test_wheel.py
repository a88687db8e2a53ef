"""The built wheel: carries what the installed program reads, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUNDLED = ["config", "demo", "migrations"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from this tree, offline."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def files_of(folder: str) -> list[str]:
    """The files under a top-level folder that git would keep, relative to it."""
    top = ROOT / folder
    return sorted(
        path.relative_to(top).as_posix()
        for path in top.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def test_the_wheel_carries_the_whole_package(wheel: zipfile.ZipFile):
    """Modules, the page and the typing marker are in it."""
    wanted = {f"agentvoice/{name}" for name in files_of("agentvoice")}
    assert "agentvoice/py.typed" in wanted
    assert wanted - set(wheel.namelist()) == set()


@pytest.mark.parametrize("folder", BUNDLED)
def test_the_wheel_carries_what_lies_beside_the_package(wheel: zipfile.ZipFile, folder: str):
    """Settings, migrations and the demo's recording travel under agentvoice/_bundled."""
    wanted = {f"agentvoice/_bundled/{folder}/{name}" for name in files_of(folder)}
    assert wanted, f"there is no {folder}/"
    assert wanted - set(wheel.namelist()) == set()


def test_the_wheel_carries_nothing_else(wheel: zipfile.ZipFile):
    """No tests, tools or caches are installed on a user's machine."""
    strange = [
        name
        for name in wheel.namelist()
        if (not name.startswith("agentvoice/") and ".dist-info/" not in name) or "__pycache__" in name
    ]
    assert strange == []


def test_the_unpacked_wheel_imports(wheel: zipfile.ZipFile, tmp_path: Path):
    """Every module named in the wheel can be found without the source tree."""
    wheel.extractall(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import agentvoice; print(agentvoice.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert Path(done.stdout.strip()) == tmp_path / "agentvoice/__init__.py"
