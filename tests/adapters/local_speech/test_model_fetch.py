"""Fetching models over a network that breaks."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from dataclasses import replace

import pytest

from agentvoice.adapters.local_speech.catalog import Model, Stage, WebSource, find_model
from agentvoice.adapters.local_speech.model_fetch import ATTEMPTS, ensure_models, install_model
from agentvoice.adapters.local_speech.model_store import ModelStore
from agentvoice.errors import (
    ConnectFailed,
    ConnectionLost,
    EngineUnavailable,
    RemoteProtocolError,
    StorageRefused,
)
from tests.fakes.clock import ManualClock
from tests.fakes.file_server import FileServer

CONTENT = os.urandom(300_000)


class PatientClock(ManualClock):
    """Sleeps take no time; deadlines never pass."""

    async def sleep_until(self, monotonic_s: float) -> None:
        self.slept_until_s = monotonic_s
        await asyncio.sleep(0)


@pytest.fixture
def store(tmp_path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def model_at(*urls: str, content: bytes = CONTENT) -> Model:
    return Model(
        "own-model",
        Stage.LLM,
        "MIT",
        len(content),
        "random bytes",
        sha256=hashlib.sha256(content).hexdigest(),
        sources=tuple(WebSource(url) for url in urls),
    )


async def test_a_model_is_fetched_and_checked(store):
    """It gets its name, nothing else is left, and the progress ends at its size."""
    seen: list[tuple[int, int]] = []
    async with FileServer(CONTENT) as server:
        model = model_at(server.url)
        path = await install_model(
            store, model, PatientClock(), lambda done, total: seen.append((done, total))
        )
    assert path == store.path(model.name)
    assert path is not None
    assert path.read_bytes() == CONTENT
    assert store.is_installed(model)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)
    assert not path.with_suffix(".part").exists()


async def test_a_broken_transfer_goes_on_where_it_broke(store):
    """After four breaks every byte has been sent only once, and the file is right."""
    async with FileServer(CONTENT, breaks=[70_000, 1, 100_000, 50_000]) as server:
        path = await install_model(store, model_at(server.url), PatientClock())
        assert path is not None
        assert path.read_bytes() == CONTENT
        assert len(server.ranges_asked) == 5
        assert server.ranges_asked[0] == ""
        assert all(asked.startswith("bytes=") for asked in server.ranges_asked[1:])
        assert server.sent_bytes <= len(CONTENT) + 65_536  # what was in flight when it broke may come again


async def test_more_breaks_than_attempts_are_borne_while_bytes_come(store):
    """Only tries that bring nothing count."""
    async with FileServer(CONTENT, breaks=[20_000] * (2 * ATTEMPTS)) as server:
        assert await install_model(store, model_at(server.url), PatientClock())


async def test_a_later_run_resumes_the_earlier_one(store):
    """What a given-up run left is not fetched again."""
    async with FileServer(CONTENT, breaks=[200_000], statuses=[200, *[503] * ATTEMPTS]) as server:
        model = model_at(server.url)
        with pytest.raises(ConnectionLost, match="answered 503"):
            await install_model(store, model, PatientClock())
        assert not store.is_installed(model)
        asked_before = len(server.ranges_asked)
        assert await install_model(store, model, PatientClock())
        assert server.ranges_asked[asked_before].startswith("bytes=")


async def test_a_server_without_ranges_begins_anew(store):
    """An answer that starts from the first byte replaces what is there."""
    async with FileServer(CONTENT, breaks=[100_000], knows_ranges=False) as server:
        path = await install_model(store, model_at(server.url), PatientClock())
        assert path is not None
        assert path.read_bytes() == CONTENT


async def test_an_answer_for_another_range_is_refused(store):
    """Bytes are never put where they do not belong."""
    async with FileServer(CONTENT, breaks=[100_000], wrong_range=True) as server:
        with pytest.raises(RemoteProtocolError, match="another range"):
            await install_model(store, model_at(server.url), PatientClock())


async def test_other_content_is_deleted(store):
    """A file of the right size and the wrong hash is not installed, and not resumed."""
    async with FileServer(CONTENT[::-1]) as server:
        model = model_at(server.url)
        with pytest.raises(EngineUnavailable, match=f"want {model.sha256}; it was deleted"):
            await install_model(store, model, PatientClock())
    assert not store.path(model.name).with_suffix(".part").exists()


async def test_a_longer_file_is_cut_at_the_models_size(store):
    """What comes behind the model's last byte is not read."""
    async with FileServer(CONTENT + b"more" * 100_000) as server:
        assert await install_model(store, model_at(server.url), PatientClock())


async def test_the_next_source_is_asked_when_one_is_gone(store):
    """A missing file on the first address does not matter."""
    async with FileServer(CONTENT, statuses=[404]) as first, FileServer(CONTENT) as second:
        assert await install_model(store, model_at(first.url, second.url), PatientClock())
        assert len(first.ranges_asked) == len(second.ranges_asked) == 1


async def test_an_address_that_does_not_answer_is_told(store):
    """After the tries the address is named."""
    async with FileServer(CONTENT) as server:
        url = server.url
    with pytest.raises(ConnectFailed, match=url):
        await install_model(store, model_at(url), PatientClock())


async def test_two_at_once_fetch_it_once(store):
    """The second waits for the first, then finds the model there."""
    async with FileServer(CONTENT) as server:
        model = model_at(server.url)
        await asyncio.gather(*(install_model(store, model, PatientClock()) for _ in range(2)))
        assert len(server.ranges_asked) == 1


async def test_a_lock_left_behind_holds_nobody_up(store):
    """The lock is the kernel's: a file that stays after a crash means nothing."""
    store.folder.mkdir()
    with (store.folder / ".own-model.lock").open("w") as left:
        fcntl.flock(left, fcntl.LOCK_EX)
    async with FileServer(CONTENT) as server:
        assert await install_model(store, model_at(server.url), PatientClock())


async def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    """The error names the folder."""
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(StorageRefused, match="models"):
        await install_model(ModelStore(tmp_path / "models"), model_at("http://h/x"), PatientClock())


async def test_models_inside_packages_need_no_fetching(store):
    """They are there with the extra."""
    assert await install_model(store, find_model("hibari"), PatientClock()) is None


async def test_an_installed_model_is_not_fetched_again(store):
    """The second run asks nobody."""
    async with FileServer(CONTENT) as server:
        model = model_at(server.url)
        first = await install_model(store, model, PatientClock())
    assert await install_model(store, model, PatientClock()) == first


async def test_an_unknown_name_cannot_be_ensured(store):
    """The error lists the names there are."""
    with pytest.raises(EngineUnavailable, match="model gpt-9: not known"):
        await ensure_models(
            store, ["hibari", "gpt-9"], PatientClock(), lambda model: lambda done, total: None
        )


async def test_a_model_without_sources_cannot_be_fetched(store):
    """That is said, not tried."""
    with pytest.raises(EngineUnavailable, match="has no source"):
        await install_model(store, replace(model_at(), sources=()), PatientClock())
