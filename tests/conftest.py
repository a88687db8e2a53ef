"""Fixtures that every test shares."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from agentvoice.adapters.local_speech.catalog import find_model
from agentvoice.adapters.local_speech.model_fetch import install_model
from agentvoice.adapters.local_speech.model_store import ModelStore
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import LocalEngineSettings

ROOT = Path(__file__).parents[1]

settings.register_profile(
    "agentvoice",
    deadline=None,  # a busy machine is slow, not wrong
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
    print_blob=True,
)
settings.load_profile("agentvoice")

MODELS_HOME = ROOT / "build" / "models-home"
"""Kept between runs: the weights are fetched once per checkout."""


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def models_home() -> Path:
    """A home with the default LLM in it, fetched as `agentvoice model install` does."""
    model = find_model(LocalEngineSettings().llm)
    asyncio.run(install_model(ModelStore(MODELS_HOME / "models"), model, SystemClock()))
    return MODELS_HOME


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path) -> Iterator[Path]:
    """A home of the test's own: neither settings, keys nor data of the person who runs it are touched."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith("AGENTVOICE_") or name in {
            "OPENAI_API_KEY",
            "CREDENTIALS_DIRECTORY",
            "NOTIFY_SOCKET",
        }:
            del os.environ[name]
    home = tmp_path / "home"
    os.environ["AGENTVOICE_HOME"] = str(home)
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    os.environ["XDG_DATA_HOME"] = str(tmp_path / "data")
    yield home
    os.environ.clear()
    os.environ.update(before)
