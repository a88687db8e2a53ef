"""The speech worker process: `python -m agentvoice.adapters.local_speech.worker`.

It loads the models once and serves every call of the daemon over its standard input and output
(protocols.worker). STT, TTS and LLM have threads of their own, so that none waits for another; each
kind of work is shared out fairly: sentences piece by piece in turn, replies in the model's slots.
It ends when its input ends, so it never outlives the daemon.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from agentvoice.adapters.local_speech.llm import SLOTS, Llama
from agentvoice.adapters.local_speech.stt import Moonshine
from agentvoice.adapters.local_speech.tts import Hibari
from agentvoice.errors import EngineError
from agentvoice.protocols.worker import (
    Answer,
    Cancel,
    Failed,
    Finished,
    Load,
    Ready,
    Reply,
    Request,
    Sound,
    Speak,
    Text,
    Transcribe,
    encode_frame,
    request_reader,
)

NICENESS = 10
"""The daemon's loop goes first: on two cores it would otherwise wait for a time slice of the models."""
READ_BYTES = 1 << 16

Send = Callable[[Answer], None]


class _Job:
    """A request that is being worked on."""

    def __init__(self, request_id: int, send: Send) -> None:
        self.id = request_id
        self._send = send
        self._cancelled = threading.Event()
        self._pieces = 0

    def cancel(self) -> None:
        self._cancelled.set()

    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def send_text(self, text: str) -> None:
        self._pieces += 1
        self._send(Text(self.id, text))

    def send_sound(self, pcm16_24k: bytes) -> None:
        self._pieces += 1
        self._send(Sound(self.id, pcm16_24k))

    def finish(self) -> None:
        self._send(Finished(self.id, self._pieces, self.is_cancelled()))


class _Llms:
    """The language models by their files, each loaded when it is first asked for."""

    def __init__(self, threads: int, socket_dir: str) -> None:
        self._threads = threads
        self._socket_dir = socket_dir
        self._lock = threading.Lock()
        self._loaded: dict[str, Llama] = {}

    def get(self, gguf: str) -> Llama:
        with self._lock:
            if gguf not in self._loaded:
                self._loaded[gguf] = Llama(gguf, self._threads, self._socket_dir)
            return self._loaded[gguf]


class Worker:
    """Takes requests, and sends their answers by `send` from its threads."""

    def __init__(self, send: Send) -> None:
        self._send_lock = threading.Lock()
        self._send_unlocked = send
        self._jobs: dict[int, _Job] = {}
        self._stt: Moonshine | None = None
        self._tts: Hibari | None = None
        self._llms: _Llms | None = None
        self._stt_thread = ThreadPoolExecutor(1, "stt")
        self._tts_thread = ThreadPoolExecutor(1, "tts")
        self._llm_threads = ThreadPoolExecutor(SLOTS, "llm")

    def _send(self, answer: Answer) -> None:
        with self._send_lock:
            self._send_unlocked(answer)

    def handle(self, request: Request) -> None:
        """Start or stop work; returns at once but for `Load`."""
        match request:
            case Load():
                self._load(request)
            case Transcribe():
                self._begin(self._stt_thread, request.id, lambda job: self._transcribe(job, request))
            case Speak():
                job = self._new_job(request.id)
                self._tts_thread.submit(self._speak, job, request, None)
            case Reply():
                self._begin(self._llm_threads, request.id, lambda job: self._reply(job, request))
            case Cancel():
                job_or_none = self._jobs.get(request.id)
                if job_or_none is not None:
                    job_or_none.cancel()

    def _load(self, load: Load) -> None:
        self._llms = llms = _Llms(load.threads, load.socket_dir)
        try:
            with ThreadPoolExecutor(3) as loaders:
                stt, tts = loaders.submit(Moonshine), loaders.submit(Hibari)
                llm = loaders.submit(llms.get, load.llm) if load.llm else None
            self._stt, self._tts = stt.result(), tts.result()
            if llm is not None:
                llm.result()
        except Exception as error:  # whatever a native library raises, the daemon must hear of it
            self._send(Failed(0, _one_line(error)))
        else:
            self._send(Ready(os.getpid()))

    def _new_job(self, request_id: int) -> _Job:
        job = self._jobs[request_id] = _Job(request_id, self._send)
        return job

    def _begin(self, threads: ThreadPoolExecutor, request_id: int, work: Callable[[_Job], None]) -> None:
        threads.submit(self._run, self._new_job(request_id), work)

    def _run(self, job: _Job, work: Callable[[_Job], None]) -> None:
        try:
            if not job.is_cancelled():
                work(job)
        except Exception as error:  # one request's failure must not end the others
            self._fail(job, error)
        else:
            self._finish(job)

    def _finish(self, job: _Job) -> None:
        self._jobs.pop(job.id, None)
        job.finish()

    def _fail(self, job: _Job, error: Exception) -> None:
        traceback.print_exception(error)
        self._jobs.pop(job.id, None)
        self._send(Failed(job.id, _one_line(error)))

    def _transcribe(self, job: _Job, request: Transcribe) -> None:
        if self._stt is None:
            raise EngineError("stt: no model is loaded")
        job.send_text(self._stt.transcribe(request.pcm16_16k))

    def _reply(self, job: _Job, request: Reply) -> None:
        if self._llms is None:
            raise EngineError("llm: no model is loaded")
        self._llms.get(request.llm).reply(
            request.messages,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            on_text=job.send_text,
            is_cancelled=job.is_cancelled,
        )

    def _speak(self, job: _Job, request: Speak, pieces: Iterator[bytes] | None) -> None:
        """Send one piece, then queue up again behind the sentences of other calls."""
        try:
            if self._tts is None:
                raise EngineError("tts: no model is loaded")
            pieces = pieces if pieces is not None else self._tts.speak(request.text, request.voice)
            piece = None if job.is_cancelled() else next(pieces, None)
        except Exception as error:  # one request's failure must not end the others
            self._fail(job, error)
            return
        if piece is None:
            self._finish(job)
            return
        job.send_sound(piece)
        self._tts_thread.submit(self._speak, job, request, pieces)


def _one_line(error: Exception) -> str:
    first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return first_line if isinstance(error, EngineError) else f"{type(error).__name__}: {first_line}"


def _claim_pipes() -> tuple[int, int]:
    """Take standard input and output for frames; what native libraries print goes to standard error."""
    frames_in, frames_out = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return frames_in, frames_out


def main() -> None:
    """Serve until the input ends; never returns."""
    frames_in, frames_out = _claim_pipes()
    # Ctrl-C and systemd's SIGTERM reach the whole group: the daemon needs its worker until it has drained.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)

    def send(answer: Answer) -> None:
        rest = memoryview(encode_frame(answer))
        try:
            while rest:
                rest = rest[os.write(frames_out, rest) :]
        except BrokenPipeError:
            os._exit(0)

    worker, reader = Worker(send), request_reader()
    while data := os.read(frames_in, READ_BYTES):
        for request in reader.feed(data):
            worker.handle(request)
    sys.stderr.flush()
    os._exit(0)  # threads inside native code cannot be joined


if __name__ == "__main__":
    main()
