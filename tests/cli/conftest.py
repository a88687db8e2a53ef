from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from agentvoice.adapters.loop_thread import LoopThread
from agentvoice.cli import run
from tests.fakes.nostr_relays import local_relay


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line on stderr that every refusal is."""
        assert self.out == ""
        assert self.err.startswith("agentvoice: ")
        assert self.err.count("\n") == 1
        return self.err.removeprefix("agentvoice: ").rstrip("\n")


Cli = Callable[..., Answer]


@pytest.fixture
def home(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home with nothing in it, and no editor."""
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    return own_home


@pytest.fixture
def logging_kept() -> Iterator[None]:
    """Undo what a command does to logging: its stderr is closed when its test is over."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def cli(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    logging_kept: None,
) -> Cli:
    """Runs one command in this process, as `agentvoice` would."""

    def call(*arguments: str, stdin: str = "") -> Answer:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


@pytest.fixture
def kept(cli: Cli) -> Cli:
    """The command line over an ended call, CALL_ID of kept_call."""
    from tests.cli.kept_call import keep_call

    keep_call(cli)
    return cli


@pytest.fixture
def address() -> Iterator[str]:
    """A real relay, in a thread: the command has an event loop of its own."""
    aside = LoopThread("relay")
    context = local_relay()

    def run(work):
        return asyncio.run_coroutine_threadsafe(work, aside.loop).result()

    yield run(context.__aenter__())
    run(context.__aexit__(None, None, None))
    asyncio.run(aside.stop())
