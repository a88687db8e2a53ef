"""The local engine's models, loaded once for all tests, and one worker process for those that need it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio

from agentvoice.adapters.local_speech.llm import Llama
from agentvoice.adapters.local_speech.model_store import ModelStore
from agentvoice.adapters.local_speech.stt import Moonshine
from agentvoice.adapters.local_speech.tts import Hibari
from agentvoice.adapters.local_speech.worker_client import LocalSpeech
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import LocalEngineSettings


@pytest.fixture(scope="session")
def gguf(models_home: Path) -> Path:
    return ModelStore(models_home / "models").path(LocalEngineSettings().llm)


@pytest.fixture(scope="session")
def moonshine() -> Moonshine:
    return Moonshine()


@pytest.fixture(scope="session")
def hibari() -> Hibari:
    return Hibari()


@pytest.fixture(scope="session")
def socket_dir() -> Iterator[Path]:
    """A folder with a short name: that of a socket may have 107 characters."""
    with TemporaryDirectory(prefix="agentvoice-test-") as folder:
        yield Path(folder)


@pytest.fixture
def other_socket_dir() -> Iterator[Path]:
    with TemporaryDirectory(prefix="agentvoice-test-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def llama(gguf: Path, socket_dir: Path) -> Llama:
    return Llama(str(gguf), threads=1, socket_dir=str(socket_dir))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def speech(models_home: Path) -> AsyncIterator[LocalSpeech]:
    """The engine's models in a real worker process; its tests run in the session's loop."""
    local_speech = LocalSpeech(LocalEngineSettings(), models_home, SystemClock())
    await local_speech.start()
    yield local_speech
    await local_speech.close()
