"""The worker's inside: requests beside each other, fair turns, stops, failures."""

from __future__ import annotations

import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from tempfile import TemporaryDirectory

import pytest

from agentvoice.adapters.local_speech.worker import Worker
from agentvoice.protocols.worker import (
    Answer,
    Cancel,
    Failed,
    Finished,
    Load,
    Ready,
    Reply,
    Sound,
    Speak,
    Text,
    Transcribe,
    answer_reader,
    encode_frame,
)
from tests.fakes.human_speech import read_sentences

WAIT_S = 60.0
STORY = [("user", "Write a very long story about a lighthouse and the sea.")]
LONG_SPEECH = "This is a sentence that takes a while to be spoken aloud. " * 8


class Answers:
    """What the worker sent, in order."""

    def __init__(self) -> None:
        self.all: list[Answer] = []
        self._queue: queue.Queue[Answer] = queue.Queue()

    def put(self, answer: Answer) -> None:
        self._queue.put(answer)

    def until(self, is_wanted: Callable[[Answer], bool]) -> Answer:
        """Wait for an answer; keep all that came before it."""
        while True:
            answer = self._queue.get(timeout=WAIT_S)
            self.all.append(answer)
            if is_wanted(answer):
                return answer

    def end_of(self, request_id: int) -> Answer:
        return self.until(lambda answer: isinstance(answer, Finished | Failed) and answer.id == request_id)


@pytest.fixture(scope="module")
def loaded(gguf) -> Iterator[tuple[Worker, Answers]]:
    answers = Answers()
    worker = Worker(answers.put)
    with TemporaryDirectory(prefix="agentvoice-test-") as socket_dir:
        worker.handle(Load(str(gguf), 1, socket_dir))
        assert isinstance(answers.until(lambda answer: True), Ready)
        yield worker, answers


@pytest.fixture
def worker(loaded: tuple[Worker, Answers]) -> Worker:
    return loaded[0]


@pytest.fixture
def answers(loaded: tuple[Worker, Answers]) -> Answers:
    loaded[1].all.clear()
    return loaded[1]


def test_a_running_reply_holds_up_neither_ears_nor_voice(worker, answers, gguf):
    """While a reply is being thought, an utterance is transcribed and a sentence spoken."""
    worker.handle(Reply(1, str(gguf), STORY, 400, 0.0))
    answers.until(lambda answer: isinstance(answer, Text))
    worker.handle(Transcribe(2, read_sentences()[4].pcm16_16k))
    worker.handle(Speak(3, "I am here.", "hibari"))
    ended = {answers.until(lambda answer: isinstance(answer, Finished)).id for _ in range(2)}
    assert ended == {2, 3}
    worker.handle(Cancel(1))
    assert isinstance(answers.end_of(1), Finished)
    text = next(answer.text for answer in answers.all if isinstance(answer, Text) and answer.id == 2)
    assert "amiable" in text
    assert any(isinstance(answer, Sound) and answer.id == 3 for answer in answers.all)


def test_two_replies_are_made_at_the_same_time(worker, answers, gguf):
    """Both calls have words of their replies before either reply has ended."""
    for request_id in (11, 12):
        worker.handle(Reply(request_id, str(gguf), STORY, 200, 0.0))
    begun: set[int] = set()
    while begun != {11, 12}:
        answer = answers.until(lambda answer: isinstance(answer, Text | Finished))
        assert isinstance(answer, Text)
        begun.add(answer.id)
    for request_id in (11, 12):
        worker.handle(Cancel(request_id))
    assert {answers.until(lambda answer: isinstance(answer, Finished)).id for _ in range(2)} == {11, 12}


def test_a_cancelled_reply_ends_within_two_tokens(worker, answers, gguf):
    """After the cancel at the fifth token at most two more are made."""
    worker.handle(Reply(21, str(gguf), STORY, 400, 0.0))
    for _ in range(5):
        answers.until(lambda answer: isinstance(answer, Text) and answer.id == 21)
    worker.handle(Cancel(21))
    end = answers.end_of(21)
    assert isinstance(end, Finished)
    assert end.was_cancelled
    assert end.pieces <= 7


def test_sentences_of_two_calls_take_turns(worker, answers):
    """A short sentence asked for later is not held up by a long speech."""
    worker.handle(Speak(31, LONG_SPEECH, "hibari"))
    worker.handle(Speak(32, "Me too.", "hibari-low"))
    answers.end_of(32)
    assert not any(isinstance(answer, Finished) and answer.id == 31 for answer in answers.all)
    worker.handle(Cancel(31))
    end = answers.end_of(31)
    assert isinstance(end, Finished)
    assert end.was_cancelled


def test_work_that_waits_can_be_cancelled(worker, answers):
    """A transcription that was cancelled in the queue is never begun."""
    sound = read_sentences()[0].pcm16_16k
    for request_id in (41, 42):
        worker.handle(Transcribe(request_id, sound))
    worker.handle(Cancel(42))
    assert answers.end_of(42) == Finished(42, 0, was_cancelled=True)


def test_a_failure_stays_with_its_request(worker, answers):
    """An unknown voice and a missing model file end their requests; the next one works."""
    worker.handle(Speak(51, "Hello.", "nobody"))
    worker.handle(Reply(52, "/nowhere/model.gguf", STORY, 5, 0.0))
    failures = [answers.until(lambda answer: isinstance(answer, Failed)) for _ in range(2)]
    messages = {failure.id: failure.message for failure in failures if isinstance(failure, Failed)}
    assert "nobody" in messages[51]
    assert "/nowhere/model.gguf" in messages[52]
    worker.handle(Speak(53, "Hello.", ""))
    assert isinstance(answers.end_of(53), Finished)


def test_cancelling_what_is_unknown_is_ignored(worker, answers):
    """A cancel that crosses its request's end is no error."""
    worker.handle(Cancel(9_999))
    worker.handle(Transcribe(61, b""))
    assert answers.end_of(61) == Finished(61, 1)


def test_without_models_each_request_fails_by_name():
    """A worker that was not loaded says which stage is missing."""
    answers = Answers()
    empty = Worker(answers.put)
    for request in (Transcribe(1, b""), Reply(2, "m.gguf", STORY, 1, 0.0), Speak(3, "Hello.", "")):
        empty.handle(request)
        end = answers.end_of(request.id)
        assert isinstance(end, Failed)
        assert "no model is loaded" in end.message


def test_a_model_that_does_not_load_is_told():
    """Instead of Ready comes Failed with id 0, which names the file."""
    answers = Answers()
    with TemporaryDirectory(prefix="agentvoice-test-") as socket_dir:
        Worker(answers.put).handle(Load("/nowhere/model.gguf", 1, socket_dir))
        end = answers.until(lambda answer: True)
    assert isinstance(end, Failed)
    assert end.id == 0
    assert "/nowhere/model.gguf" in end.message


def test_the_process_speaks_frames_only_and_ends_with_its_input():
    """What Python and native code print goes to standard error; at the end of input it exits with 0."""
    code = (
        "import os; from agentvoice.adapters.local_speech import worker\n"
        "claim = worker._claim_pipes\n"
        "def claim_and_print():\n"
        "    pipes = claim(); print('python', flush=True); os.write(1, b'native'); return pipes\n"
        "worker._claim_pipes = claim_and_print; worker.main()"
    )
    request = encode_frame(Speak(1, "Hello.", ""))
    done = subprocess.run(
        [sys.executable, "-c", code], input=request, capture_output=True, timeout=WAIT_S, check=True
    )
    assert all(isinstance(frame, Failed) for frame in answer_reader().feed(done.stdout))
    assert done.stderr.startswith(b"python\nnative")
