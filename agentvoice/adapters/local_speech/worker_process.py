"""The daemon's end of one speech worker process: start it, ask it, notice that it died."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from agentvoice.core.ports import Clock
from agentvoice.errors import EngineError, EngineUnavailable, ProtocolError, TimedOut, WorkerDied
from agentvoice.protocols.worker import (
    Answer,
    Cancel,
    Failed,
    Load,
    Ready,
    Request,
    Sound,
    Text,
    answer_reader,
    encode_frame,
)

WORKER_MODULE = "agentvoice.adapters.local_speech.worker"
READ_BYTES = 1 << 16
KEPT_ERROR_LINES = 20
"""The end of what the worker's libraries print is kept for the message of its death."""
CLOSE_TIMEOUT_S = 2.0
"""A worker ends within milliseconds of its input; one that is stuck in native code is killed."""

Answers = asyncio.Queue[Answer | WorkerDied]
"""Answers to one request. Not bounded by itself: a reply has its token limit, a sentence its length."""


class WorkerProcess:
    """One process. Made by `start_worker`; once it died it stays dead."""

    def __init__(self, process: asyncio.subprocess.Process, on_death: Callable[[WorkerDied], None]) -> None:
        self._process = process
        self._on_death = on_death
        self._answers: dict[int, Answers] = {}
        self._last_id = 0
        self._error_lines: deque[str] = deque(maxlen=KEPT_ERROR_LINES)
        self._died: WorkerDied | None = None
        self._start_answer: asyncio.Future[Ready | Failed] = asyncio.get_running_loop().create_future()
        self._tasks = [
            asyncio.create_task(self._read_answers()),
            asyncio.create_task(self._read_errors()),
        ]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still answers."""
        return self._died is None

    async def load(self, load: Load) -> None:
        """Load the models; raises EngineUnavailable when they cannot be, WorkerDied."""
        self._send(load)
        answer = await self._start_answer
        if isinstance(answer, Failed):
            raise EngineUnavailable(f"the speech worker could not load its models: {answer.message}")

    async def ask(
        self, make_request: Callable[[int], Request], timeout_s: float, clock: Clock
    ) -> AsyncGenerator[Text | Sound, None]:
        """Send a request and yield the pieces of its answer; closing the generator cancels it.

        Raises TimedOut when the next piece takes longer than `timeout_s`, WorkerDied, and EngineError
        when the worker could not do it.
        """
        self._last_id += 1
        request_id = self._last_id
        answers: Answers = asyncio.Queue()
        self._answers[request_id] = answers
        is_over = False
        try:
            self._send(make_request(request_id))
            while not is_over:
                async with clock.deadline(timeout_s):
                    answer = await answers.get()
                match answer:
                    case Text() | Sound():
                        yield answer
                    case Failed(message=message):
                        is_over = True
                        raise EngineError(message)
                    case WorkerDied():
                        is_over = True
                        raise WorkerDied(str(answer))
                    case _:
                        is_over = True
        finally:
            del self._answers[request_id]
            if not is_over:
                with suppress(WorkerDied):
                    self._send(Cancel(request_id))

    def _send(self, request: Request) -> None:
        if self._died is not None:
            raise WorkerDied(str(self._died))
        assert self._process.stdin is not None
        self._process.stdin.write(encode_frame(request))

    async def _read_answers(self) -> None:
        assert self._process.stdout is not None
        reader = answer_reader()
        reason = ""
        try:
            while data := await self._process.stdout.read(READ_BYTES):
                for answer in reader.feed(data):
                    self._deliver(answer)
        except (ProtocolError, OSError) as error:
            reason = str(error)
            self.kill()
        exit_code = await self._process.wait()
        await asyncio.wait([self._tasks[1]])
        self._end(WorkerDied(self._death_message(exit_code, reason)))

    def _deliver(self, answer: Answer) -> None:
        if isinstance(answer, Ready) or answer.id == 0:
            if not self._start_answer.done() and isinstance(answer, Ready | Failed):
                self._start_answer.set_result(answer)
        elif answer.id in self._answers:  # else it was cancelled, and late pieces are not wanted
            self._answers[answer.id].put_nowait(answer)

    def _death_message(self, exit_code: int, reason: str) -> str:
        how = f"by signal {-exit_code}" if exit_code < 0 else f"with exit code {exit_code}"
        said = reason or (self._error_lines[-1] if self._error_lines else "")
        return f"the speech worker ended {how}" + (f": {said}" if said else "")

    def _end(self, died: WorkerDied) -> None:
        self._died = died
        if not self._start_answer.done():
            self._start_answer.set_exception(died)
            self._start_answer.exception()  # may be wanted by nobody
        for answers in self._answers.values():
            answers.put_nowait(died)
        self._on_death(died)

    async def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with suppress(ValueError, OSError):  # an endless line ends the reading, not the worker's work
            async for line in self._process.stderr:
                text = line.decode("utf-8", "replace").strip()
                if text:
                    self._error_lines.append(text)

    def kill(self) -> None:
        """End it at once; its requests get WorkerDied."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def close(self, clock: Clock) -> None:
        """End it: by the end of its input, or else by force."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with clock.deadline(CLOSE_TIMEOUT_S):
                await asyncio.shield(self._tasks[0])
        except TimedOut:
            self.kill()
            await self._tasks[0]


WORKER_VARIABLES = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV"}
    | {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS"}
)
"""All that the worker inherits: models and native code have no business with keys."""


async def start_worker(on_death: Callable[[WorkerDied], None]) -> WorkerProcess:
    """Start the process; `on_death` is called once when it has ended. Raises EngineUnavailable."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            WORKER_MODULE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name in WORKER_VARIABLES},
        )
    except OSError as error:
        raise EngineUnavailable(f"the speech worker could not be started: {error}") from error
    return WorkerProcess(process, on_death)
