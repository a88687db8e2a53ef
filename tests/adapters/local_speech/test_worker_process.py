"""One worker process: its death, its silence, its end."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agentvoice.adapters.local_speech import worker_process
from agentvoice.adapters.local_speech.worker_process import WORKER_MODULE, start_worker
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.errors import EngineError, EngineUnavailable, TimedOut, WorkerDied
from agentvoice.protocols.worker import Load, Speak
from tests.fakes.processes import wait_for_end

CLOCK = SystemClock()


@pytest.fixture
async def process():
    """A worker that has loaded nothing: quick to start, and enough to be killed."""
    deaths: list[WorkerDied] = []
    worker = await start_worker(deaths.append)
    yield worker, deaths
    worker.kill()
    await worker.close(CLOCK)


async def ask(worker, text: str = "Hello.", timeout_s: float = 30.0) -> None:
    async with aclosing(worker.ask(lambda number: Speak(number, text, ""), timeout_s, CLOCK)) as pieces:
        async for _ in pieces:
            pass


async def test_a_failure_of_the_worker_is_an_engine_error(process):
    """What the worker could not do is told in its own words, and it goes on."""
    worker, _ = process
    for _ in range(2):
        with pytest.raises(EngineError, match="no model is loaded"):
            await ask(worker)
    assert worker.is_alive


async def test_killing_it_ends_its_requests(process):
    """A request in flight gets WorkerDied with the signal; so does every later one."""
    worker, deaths = process
    os.kill(worker.pid, signal.SIGSTOP)  # so that the request is still in flight
    asking = asyncio.create_task(ask(worker))
    await asyncio.sleep(0)
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(WorkerDied, match="by signal 9"):
        await asking
    assert not worker.is_alive
    assert len(deaths) == 1
    with pytest.raises(WorkerDied):
        await ask(worker)


async def test_a_worker_that_hangs_is_a_timeout(process):
    """A stopped process gives TimedOut after the limit, and can still be closed."""
    worker, _ = process
    os.kill(worker.pid, signal.SIGSTOP)
    with pytest.raises(TimedOut):
        await ask(worker, timeout_s=0.05)


async def test_closing_ends_the_process(process):
    """It exits by the end of its input; nothing is left of it."""
    worker, deaths = process
    with pytest.raises(EngineError):
        await ask(worker)
    await worker.close(CLOCK)
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)
    assert "exit code 0" in str(deaths[0])


async def test_models_that_do_not_load_are_unavailable(process):
    """The error is the worker's own, with the file it could not load."""
    worker, _ = process
    with TemporaryDirectory(prefix="agentvoice-test-") as socket_dir:
        with pytest.raises(EngineUnavailable, match=r"/nowhere/model\.gguf"):
            await worker.load(Load("/nowhere/model.gguf", 1, socket_dir))


async def test_ctrl_c_and_systemds_stop_leave_it_running(process):
    """SIGINT and SIGTERM reach the whole group; the worker stays until its daemon has drained."""
    worker, _ = process
    with pytest.raises(EngineError):
        await ask(worker)  # it has begun, so its signals are set
    os.kill(worker.pid, signal.SIGINT)
    os.kill(worker.pid, signal.SIGTERM)
    with pytest.raises(EngineError, match="no model is loaded"):
        await ask(worker)


async def test_it_does_not_outlive_its_parent():
    """When the daemon is killed its worker ends, although nobody told it to."""
    code = (
        "import asyncio\n"
        f"from {worker_process.__name__} import start_worker\n"
        "async def main():\n"
        "    worker = await start_worker(lambda died: None)\n"
        "    print(worker.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    worker_pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await wait_for_end(worker_pid)


async def test_a_python_that_cannot_start_is_unavailable(monkeypatch):
    """A lost interpreter is told as such."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(EngineUnavailable, match="/nowhere/python"):
        await start_worker(lambda died: None)


def test_the_module_that_is_run_exists():
    """The name handed to `python -m` is that of the worker."""
    from agentvoice.adapters.local_speech import worker

    assert worker.__name__ == WORKER_MODULE


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_it_inherits_no_key():
    """Models and native code have no business with the keys of the daemon's environment."""
    os.environ["ADA_NSEC"] = secret = secrets.token_hex(32)
    worker = await start_worker(lambda died: None)
    try:
        environment = environment_of(worker.pid)  # it runs: a process is given out after its exec
    finally:
        worker.kill()
        await worker.close(CLOCK)
    assert b"PATH=" in environment
    assert secret.encode() not in environment
