"""The lock files: exact, hashed, and silent about where packages come from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PYTHON_LOCKS = [ROOT / "requirements.lock", ROOT / "docker/requirements.lock", ROOT / "docker/build.lock"]
PEERS_LOCK = ROOT / "tests/peers/python/requirements.lock"
NPM_LOCKS = sorted(p for p in ROOT.rglob("package-lock.json") if "node_modules" not in p.parts)
SHA256 = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(lock: Path) -> dict[str, str]:
    """Each pin of a Python lock (`name==version ; marker`) with the lines that belong to it."""
    text = re.sub(r"^ *#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    found = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    return {block.split(" \\\n")[0].strip(): block for block in found if block.strip()}


def addresses(value: Any, key: str = "") -> Iterator[str]:
    """Every string of a JSON document that names an address, except where a package asks for funds."""
    if isinstance(value, dict):
        for name, child in value.items():
            if name == "resolved":
                yield f"{key}/resolved"
            elif name != "funding":
                yield from addresses(child, f"{key}/{name}")
    elif isinstance(value, list):
        for child in value:
            yield from addresses(child, key)
    elif isinstance(value, str) and "://" in value:
        yield f"{key}: {value}"


@pytest.mark.parametrize("lock", [*PYTHON_LOCKS, PEERS_LOCK], ids=name_of)
def test_python_locks_name_no_index(lock: Path):
    """No address, index or link option: whoever installs chooses where from."""
    lines = lock.read_text().splitlines()
    wrong = [line for line in lines if "://" in line or re.match(r"\s*(-i|-f|--(index|extra|find))", line)]
    assert wrong == []


@pytest.mark.parametrize("lock", [*PYTHON_LOCKS, PEERS_LOCK], ids=name_of)
def test_python_locks_pin_and_hash_everything(lock: Path):
    """Every package has one exact version and at least one hash."""
    loose = [
        pin
        for pin, block in blocks(lock).items()
        if not re.match(r"[a-z0-9-]+==\S+", pin) or not SHA256.search(block)
    ]
    assert blocks(lock) and loose == []


@pytest.mark.parametrize("lock", PYTHON_LOCKS[1:], ids=name_of)
def test_the_image_runs_what_was_tested(lock: Path):
    """The image's locks hold no version that the tests' lock does not."""
    tested = {pin.split(" ")[0] for pin in blocks(PYTHON_LOCKS[0])}
    assert {pin.split(" ")[0] for pin in blocks(lock)} - tested == set()


def test_language_model_wheels_are_no_dependency():
    """Model weights are fetched as data and verified; a package that carries them is never installed."""
    assert [pin for lock in PYTHON_LOCKS for pin in blocks(lock) if pin.startswith("llm-")] == []


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=name_of)
def test_npm_locks_name_no_registry(lock: Path):
    """No `resolved` key and no address outside `funding`."""
    assert list(addresses(json.loads(lock.read_text()))) == []


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=name_of)
def test_npm_locks_pin_and_hash_everything(lock: Path):
    """Every package has an exact version and an integrity hash; package.json asks for exact versions."""
    packages = json.loads(lock.read_text())["packages"]
    assert [name for name, entry in packages.items() if name and not entry.get("integrity")] == []
    wanted = json.loads((lock.parent / "package.json").read_text())
    versions = {**wanted.get("dependencies", {}), **wanted.get("devDependencies", {})}
    assert [name for name, version in versions.items() if not version[0].isdigit()] == []


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=name_of)
def test_npm_writes_locks_without_registry(lock: Path):
    """The `.npmrc` beside each lock keeps download addresses out when it is written again."""
    assert "omit-lockfile-registry-resolved=true" in (lock.parent / ".npmrc").read_text().splitlines()


def test_addresses_are_seen():
    """A lock that names a registry is caught, by key and by value."""
    lock = {"packages": {"a": {"resolved": "x", "version": "1.0.0"}, "b": {"version": "git+ssh://host/b"}}}
    assert list(addresses(lock)) == ["/packages/a/resolved", "/packages/b/version: git+ssh://host/b"]
