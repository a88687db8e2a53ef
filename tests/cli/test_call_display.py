"""Where a call is drawn, and where its turns are plain lines."""

from __future__ import annotations

import io
import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agentvoice.cli.call_display import USUAL_COLUMNS, can_draw, open_display
from agentvoice.cli.call_screen import ERASE_LINE
from agentvoice.cli.output import note
from agentvoice.core.leg import AgentChanged, CallStatus, StatusChanged


@contextmanager
def terminal() -> Iterator[int]:
    """A pseudo-terminal as standard error; gives the end at which a person looks.

    No fixture: pytest puts its own standard error back between set-up and test.
    """
    person, program = pty.openpty()
    before, os.environ["TERM"] = sys.stderr, "xterm"
    sys.stderr = os.fdopen(program, "w")
    try:
        yield person
    finally:
        sys.stderr.close()
        sys.stderr = before
        os.close(person)


def seen(person: int, until: str) -> str:
    """What is on the terminal, once `until` has come: it comes in pieces."""
    shown = b""
    while until.encode() not in shown:
        shown += os.read(person, 65_536)
    return shown.decode()


def test_a_terminal_is_drawn_on():
    """The line is there during the call and gone after it, and says who speaks."""
    with terminal() as person:
        with open_display("the keys", is_spoken=True) as display:
            display.show(AgentChanged("ada", "Ada"))
            display.say("call 1")
            assert display.agent == "ada"
            assert display.on_level is not None
            display.on_level(-20, False)
        note("the end")
        shown = seen(person, "the end")
    assert "— Ada is on the call —\r\n" in shown
    assert "call 1\r\n" in shown
    assert "the keys" in shown
    assert shown.endswith(f"{ERASE_LINE}the end\r\n")


@pytest.mark.parametrize("value", ["", "1"])
def test_no_color_is_heeded(value: str, monkeypatch: pytest.MonkeyPatch):
    """Set to anything, it keeps colours out; empty it counts as not set."""
    monkeypatch.setenv("NO_COLOR", value)
    with terminal() as person:
        with open_display("the keys", is_spoken=True) as display:
            display.show(StatusChanged(CallStatus.LISTENING))
        assert ("\x1b[2m" in seen(person, "the keys")) is (value == "")


def test_a_terminal_that_is_closed_does_not_end_the_call():
    """What cannot be shown is not shown."""
    with terminal() as person, open_display("the keys", is_spoken=True) as display:
        kept = os.dup(sys.stderr.fileno())
        read_end, write_end = os.pipe()
        os.close(read_end)
        os.dup2(write_end, sys.stderr.fileno())  # nobody reads it: writing fails
        display.show(StatusChanged(CallStatus.LISTENING))
        os.dup2(kept, sys.stderr.fileno())
        for each in (kept, write_end):
            os.close(each)
        display.show(StatusChanged(CallStatus.THINKING))
        assert "listening" not in seen(person, "thinking").split(ERASE_LINE)[-1]


def test_a_terminal_that_does_not_tell_its_width_has_the_usual_one(monkeypatch: pytest.MonkeyPatch):
    """A new pseudo-terminal has none; the line fits into 80 columns."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    with terminal() as person, open_display("x" * 200, is_spoken=True) as display:
        display.show(StatusChanged(CallStatus.LISTENING))
        line = seen(person, "x\x1b[0m").split(ERASE_LINE)[-1]
        assert len(line.replace("\x1b[2m", "").replace("\x1b[0m", "")) == USUAL_COLUMNS - 1


@pytest.mark.parametrize("is_spoken", [True, False])
def test_elsewhere_turns_are_lines(is_spoken: bool, capsys: pytest.CaptureFixture[str]):
    """A pipe gets finished turns and nothing that moves a cursor."""
    with open_display("the keys", is_spoken=is_spoken) as display:
        display.show(StatusChanged(CallStatus.LISTENING))
        display.show(AgentChanged("ada", "Ada"))
        display.say("call 1")
        assert display.on_level is None
        assert display.agent == "ada"
    assert capsys.readouterr().err == "— Ada is on the call —\ncall 1\n"


def test_a_call_that_is_not_spoken_is_lines_on_a_terminal_too():
    """Typed turns would collide with a line that is drawn again and again."""
    with terminal(), open_display("the keys", is_spoken=False) as display:
        assert display.on_level is None


def test_a_terminal_without_a_cursor_is_not_drawn_on():
    """TERM says what it can; none said is none."""
    with terminal():
        assert can_draw(sys.stderr, {"TERM": "xterm"})
        assert not can_draw(sys.stderr, {"TERM": "dumb"})
        assert not can_draw(sys.stderr, {})
    assert not can_draw(io.StringIO(), {"TERM": "xterm"})
