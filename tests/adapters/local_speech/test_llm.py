"""The language model: streamed, stopped between two tokens, its prefix read once."""

from __future__ import annotations

import aiohttp
import pytest

from agentvoice.adapters.local_speech.llm import PREFILL_TOKENS, Llama
from agentvoice.errors import EngineError

STORY = [("user", "Write a very long story about a lighthouse and the sea.")]
LONG_PROMPT = [("system", "You are Ada. " + "You like the sea and all its ships. " * 10), *STORY]


class Listener:
    """Takes the pieces; says stop after so many pieces or looks."""

    def __init__(self, stop_after_pieces: int = 10_000, stop_after_looks: int = 10_000) -> None:
        self.pieces: list[str] = []
        self.looks = 0
        self._stop_after_pieces = stop_after_pieces
        self._stop_after_looks = stop_after_looks

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def is_cancelled(self) -> bool:
        self.looks += 1
        return len(self.pieces) >= self._stop_after_pieces or self.looks > self._stop_after_looks


def ask(llama: Llama, messages, listener: Listener, max_tokens: int = 24) -> Listener:
    llama.reply(
        messages,
        max_tokens=max_tokens,
        temperature=0.0,
        on_text=listener.pieces.append,
        is_cancelled=listener.is_cancelled,
    )
    return listener


def test_a_reply_is_streamed_in_pieces(llama):
    """It comes as many pieces, at most one for each token asked for."""
    listener = ask(llama, STORY, Listener())
    assert 10 < len(listener.pieces) <= 24
    assert len(listener.text.split()) > 8


def test_a_stopped_reply_brings_no_further_token(llama):
    """Once the listener says stop, no piece follows."""
    assert len(ask(llama, STORY, Listener(stop_after_pieces=5), max_tokens=300).pieces) == 5


def test_a_stopped_reply_frees_the_model(llama):
    """The next reply is whole, and is not mixed with the stopped one."""
    whole = ask(llama, STORY, Listener()).text
    ask(llama, LONG_PROMPT, Listener(stop_after_pieces=2), max_tokens=300)
    assert ask(llama, STORY, Listener()).text == whole


def test_reading_a_long_prompt_can_be_stopped(gguf, other_socket_dir):
    """Stop is noticed after one step of reading, not after the whole prompt."""
    fresh = Llama(str(gguf), threads=1, socket_dir=str(other_socket_dir), context_tokens=256)
    stopped = ask(fresh, LONG_PROMPT, Listener(stop_after_looks=2))
    assert (stopped.pieces, stopped.looks) == ([], 3)
    whole = ask(fresh, LONG_PROMPT, Listener(), max_tokens=1)
    assert whole.looks > 90 / PREFILL_TOKENS > stopped.looks


def test_a_prefix_is_read_only_once(llama):
    """After the messages were read with no reply wanted, the reply begins at once."""
    prompt = [("system", "You are Max. " + "You know about the weather. " * 12), *STORY]
    reading = ask(llama, prompt, Listener(), max_tokens=0)
    again = ask(llama, prompt, Listener(), max_tokens=0)
    assert reading.pieces == again.pieces == []
    assert again.looks <= 5 < reading.looks


def test_a_conversation_above_the_context_goes_on_without_its_oldest_messages(gguf, other_socket_dir):
    """The instructions and the latest messages stay."""
    small = Llama(str(gguf), threads=1, socket_dir=str(other_socket_dir), context_tokens=256)
    history = [("user" if number % 2 == 0 else "assistant", "The sea is blue. " * 8) for number in range(10)]
    assert ask(small, [("system", "You are Ada."), *history, *STORY], Listener(), max_tokens=4).text
    with pytest.raises(EngineError, match="exceeds the available context"):
        ask(small, [("system", "You are Ada."), ("user", "The sea is blue. " * 200)], Listener())


def test_a_file_that_is_no_model_is_refused(tmp_path, other_socket_dir):
    """The error names the file."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF but nothing else")
    with pytest.raises(EngineError, match=r"broken\.gguf"):
        Llama(str(broken), threads=1, socket_dir=str(other_socket_dir))


async def test_the_runtimes_own_server_takes_nobody_in(llama, socket_dir):
    """Its socket file answers a request for a completion without the key by 401."""
    socket = next(socket_dir.glob("*.sock"))
    connector = aiohttp.UnixConnector(path=str(socket))
    async with aiohttp.ClientSession(connector=connector) as http:
        body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 1}
        answer = await http.post("http://localhost/v1/chat/completions", json=body)
        assert answer.status == 401
