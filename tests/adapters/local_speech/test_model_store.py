"""The models on disk."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agentvoice.adapters.local_speech.catalog import find_model
from agentvoice.adapters.local_speech.model_store import ModelStore, missing_packages
from agentvoice.errors import NotFound, Refused

SMOLLM = find_model("smollm2-135m-instruct")
HIBARI = find_model("hibari")


@pytest.fixture
def store(tmp_path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def put_file(path: Path, size_bytes: int) -> Path:
    """A file of that size that takes no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


def test_nothing_is_installed_at_first(store):
    """An absent folder is an empty one; models inside packages are there."""
    installed = {stored.model.name for stored in store.list() if stored.is_installed}
    assert installed == {"hibari", "moonshine-tiny-en"}
    assert all(stored.path is None for stored in store.list())


def test_a_model_counts_only_in_full_size(store):
    """A file that is too short is not the model."""
    path = put_file(store.path(SMOLLM.name), SMOLLM.size_bytes - 1)
    assert not store.is_installed(SMOLLM)
    assert "run: agentvoice model install smollm2-135m-instruct" in store.problem(SMOLLM.name)
    put_file(path, SMOLLM.size_bytes)
    assert store.is_installed(SMOLLM)
    assert store.problem(SMOLLM.name) == ""
    assert [stored.path for stored in store.list() if stored.path] == [path]


def test_a_file_of_ones_own_is_taken_by_its_path(store, tmp_path):
    """Any GGUF file can be named by its path; a missing one is a problem."""
    own = put_file(tmp_path / "own.gguf", 5)
    assert store.path(str(own)) == own
    assert store.problem(str(own)) == ""
    assert store.problem("/nowhere/own.gguf") == "/nowhere/own.gguf: no such model file"


def test_an_unknown_name_is_a_problem(store):
    """It is answered with the names there are."""
    assert "model gpt-9: not known; want one of" in store.problem("gpt-9")


def test_removing_takes_half_fetched_files_along(store):
    """Model and part are gone; a second time there is nothing to remove."""
    path = put_file(store.path(SMOLLM.name), SMOLLM.size_bytes)
    part = put_file(path.with_suffix(".part"), 10)
    store.remove(SMOLLM)
    assert not path.exists()
    assert not part.exists()
    with pytest.raises(NotFound, match="not installed"):
        store.remove(SMOLLM)


def test_a_model_inside_a_package_is_not_removed(store):
    """The error names the package."""
    with pytest.raises(Refused, match="package hibari-tts"):
        store.remove(HIBARI)


def test_without_the_extra_nothing_is_installed(store, monkeypatch):
    """One missing package is enough; the remedy is the same for all."""
    put_file(store.path(SMOLLM.name), SMOLLM.size_bytes)
    monkeypatch.setitem(sys.modules, "xllamacpp", None)  # as if not installed
    assert missing_packages() == ["xllamacpp"]
    assert not store.is_installed(HIBARI)
    assert (
        store.problem(SMOLLM.name)
        == "the local engine is not installed; run: pip install 'agentvoice[local]'"
    )
